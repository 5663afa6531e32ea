"""A reward of 0 or 1 that few of the first draws meet."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from planner.families.base import Family, Make, Problems, generators
from planner.families.hand import STEP, direction, draw_mix


@dataclass(frozen=True)
class Sparse(Problems):
    """The cost is 0 if the hand ends within a radius of the goal, otherwise 1.

    Attributes:
        mix: See ``Hand``.
        goal: (B, 2) [m].
        radius: [m].
    """

    mix: Tensor
    goal: Tensor
    radius: float

    def __len__(self) -> int:
        return len(self.goal)

    def solved(self, costs: Tensor) -> Tensor:
        return costs < 0.5

    def true_cost(self, actions: Tensor) -> Tensor:
        hand = torch.matmul(actions.sum(dim=2), self.mix) * STEP
        return ((hand - self.goal.unsqueeze(1)).norm(dim=-1) >= self.radius).float()


def sparse(distance: float, radius: float, horizon: int = 5, actions: int = 6) -> Make:
    """Return the maker of problems with the goal at a distance from the hand [m]."""

    def make(seed: int, count: int) -> Sparse:
        mixes, goals = [], []
        for generator in generators(seed, count):
            mixes.append(draw_mix(generator, actions))
            angle = 2 * math.pi * torch.rand((), generator=generator).item()
            goals.append(distance * direction(angle))
        return Sparse(horizon, actions, torch.stack(mixes), torch.stack(goals), radius)

    return make


SPARSE = Family(
    "sparse",
    "A reward that few of the first draws meet; it is 0 or 1.",
    {"5 steps of 6": sparse(0.355, 0.05), "5 steps of 2": sparse(0.293, 0.04, actions=2)},
    {"8 steps of 4": sparse(0.435, 0.06, 8, 4), "3 steps of 10": sparse(0.283, 0.04, 3, 10)},
    ((300, 30), (128, 10), (300, 5), (64, 10), (64, 5)),
    graded=False,
)
