"""The cost of candidates between one image and one goal."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from torch import Tensor

from wm_planner.models.protocol import Latent, WorldModel
from wm_planner.planning import Objective
from wm_planner.planning.captured import CapturedCost
from wm_planner.planning.chunks import CostFn


class Scoring:
    """Factory of the planner's cost functions.

    Args:
        model: The model.
        objective: How the frames of a rollout count.
        captured: Replay rollouts as a CUDA graph, which saves the time that the host needs for
            their many operations. The model must never wait for the device (``dino_wm`` does not).
            Without effect on the CPU and for gradients.
    """

    def __init__(self, model: WorldModel, objective: Objective, *, captured: bool = False) -> None:
        self._model, self._objective, self._captured = model, objective, captured
        self._kept: tuple[Latent, Latent] | None = None
        self._replay: CapturedCost | None = None

    def cost(self, latent: Latent, goal: Latent) -> CostFn:
        """Return the function from actions (B, N, H, A) to costs (B, N).

        Captured costs are overwritten by the next call.
        """
        if not self._captured:
            return lambda actions: self._cost(latent, actions, goal)
        if self._kept is None or not all(map(_fits, self._kept, (latent, goal))):
            kept = _copy(latent), _copy(goal)
            self._kept = kept
            self._replay = CapturedCost(lambda actions: self._cost(kept[0], actions, kept[1]))
        for mine, theirs in zip(self._kept, (latent, goal), strict=True):
            for a, b in zip(_tensors(mine), _tensors(theirs), strict=True):
                a.copy_(b)
        replay = self._replay

        def cost(actions: Tensor) -> Tensor:
            if replay is None or actions.requires_grad:
                return self._cost(latent, actions, goal)
            return replay(actions)

        return cost

    def _cost(self, latent: Latent, actions: Tensor, goal: Latent) -> Tensor:
        return self._model.distance(self._model.rollout(latent, actions), goal, self._objective)


def _tensors(latent: Latent) -> list[Tensor]:
    parts = (getattr(latent, field.name) for field in fields(latent))
    return [part for part in parts if part is not None]


def _copy(latent: Latent) -> Latent:
    copies: dict[str, Any] = {field.name: getattr(latent, field.name) for field in fields(latent)}
    copies |= {name: part.clone() for name, part in copies.items() if part is not None}
    return Latent(**copies)


def _fits(mine: Latent, theirs: Latent) -> bool:
    return [t.shape for t in _tensors(mine)] == [t.shape for t in _tensors(theirs)]
