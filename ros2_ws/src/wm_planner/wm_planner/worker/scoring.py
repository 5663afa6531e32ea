"""The cost of candidates between one image and one goal."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import Any, TypeAlias

from torch import Size, Tensor

from wm_planner.models.protocol import Latent, WorldModel
from wm_planner.planning import Objective
from wm_planner.planning.captured import Captured
from wm_planner.planning.chunks import CostFn

Shapes: TypeAlias = tuple[Size, ...]


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
        # By the shapes of latent and goal: how many frames were observed may change between plans.
        self._replays: dict[Shapes, tuple[list[Tensor], Captured]] = {}

    def cost(self, latent: Latent, goal: Latent) -> CostFn:
        """Return the function from actions (B, N, H, A) to costs (B, N)."""
        if not self._captured:
            return partial(_cost, self._model, self._objective, latent, goal)
        given = [*_tensors(latent), *_tensors(goal)]
        shapes = tuple(tensor.shape for tensor in given)
        if shapes not in self._replays:
            kept = _copy(latent), _copy(goal)
            # Without `self`, so that the graphs' memory is free as soon as this object is gone.
            replay = Captured(partial(_cost, self._model, self._objective, *kept))
            self._replays[shapes] = [*_tensors(kept[0]), *_tensors(kept[1])], replay
        mine, replay = self._replays[shapes]
        for a, b in zip(mine, given, strict=True):
            a.copy_(b)
        model, objective = self._model, self._objective

        def cost(actions: Tensor) -> Tensor:
            if actions.requires_grad:
                return _cost(model, objective, latent, goal, actions)
            return replay(actions)

        return cost

    @property
    def lacks_memory(self) -> bool:
        """Whether there was too little memory for a graph, so that rollouts run without it."""
        return any(replay.lacks_memory for _, replay in self._replays.values())


def since_newest(rollout: Latent, horizon: int) -> Latent:
    """Return a rollout from the newest observed frame on.

    So costs mean the same however many frames were observed.

    Args:
        rollout: ``visual`` (B, N, frames, ...), with or without observed frames first.
        horizon: Predicted frames, H.
    """
    first = rollout.visual.shape[2] - horizon - 1
    if first <= 0:
        return rollout
    proprio = None if rollout.proprio is None else rollout.proprio[:, :, first:]
    return Latent(rollout.visual[:, :, first:], proprio)


def _cost(
    model: WorldModel, objective: Objective, latent: Latent, goal: Latent, actions: Tensor
) -> Tensor:
    rollout = since_newest(model.rollout(latent, actions), actions.shape[2])
    return model.distance(rollout, goal, objective)


def _tensors(latent: Latent) -> list[Tensor]:
    parts = (getattr(latent, field.name) for field in fields(latent))
    return [part for part in parts if part is not None]


def _copy(latent: Latent) -> Latent:
    copies: dict[str, Any] = {field.name: getattr(latent, field.name) for field in fields(latent)}
    copies |= {name: part.clone() for name, part in copies.items() if part is not None}
    return Latent(**copies)
