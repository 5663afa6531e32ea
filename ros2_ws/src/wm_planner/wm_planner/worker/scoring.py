"""The cost of candidates between one image and one goal."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
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
        """Return the function from actions (B, N, H, A) to costs (B, N)."""
        if not self._captured:
            return partial(_cost, self._model, self._objective, latent, goal)
        if self._kept is None or not all(map(_fits, self._kept, (latent, goal))):
            kept = _copy(latent), _copy(goal)
            self._kept = kept
            # Without `self`, so that the graphs' memory is free as soon as this object is gone.
            self._replay = CapturedCost(partial(_cost, self._model, self._objective, *kept))
        for mine, theirs in zip(self._kept, (latent, goal), strict=True):
            for a, b in zip(_tensors(mine), _tensors(theirs), strict=True):
                a.copy_(b)
        replay, model, objective = self._replay, self._model, self._objective

        def cost(actions: Tensor) -> Tensor:
            if replay is None or actions.requires_grad:
                return _cost(model, objective, latent, goal, actions)
            return replay(actions)

        return cost

    @property
    def lacks_memory(self) -> bool:
        """Whether there was too little memory for a graph, so that rollouts run without it."""
        return self._replay is not None and self._replay.lacks_memory


def _cost(
    model: WorldModel, objective: Objective, latent: Latent, goal: Latent, actions: Tensor
) -> Tensor:
    return model.distance(model.rollout(latent, actions), goal, objective)


def _tensors(latent: Latent) -> list[Tensor]:
    parts = (getattr(latent, field.name) for field in fields(latent))
    return [part for part in parts if part is not None]


def _copy(latent: Latent) -> Latent:
    copies: dict[str, Any] = {field.name: getattr(latent, field.name) for field in fields(latent)}
    copies |= {name: part.clone() for name, part in copies.items() if part is not None}
    return Latent(**copies)


def _fits(mine: Latent, theirs: Latent) -> bool:
    return [t.shape for t in _tensors(mine)] == [t.shape for t in _tensors(theirs)]
