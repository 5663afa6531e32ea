"""A hand that moves in a plane, each action by a mixture of its numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from planner.families.base import Moving

STEP = 0.1
"""How far a hand moves in one step with an action of 1 [m]."""


@dataclass(frozen=True)
class Hand(Moving):
    """The common part of problems with a hand.

    Attributes:
        mix: (B, A, 2) columns of length 1 at right angles: what an action does to the hand.
        hand: (B, 2) present position [m].
        goal: (B, 2) [m].
    """

    mix: Tensor
    hand: Tensor
    goal: Tensor

    def __len__(self) -> int:
        return len(self.hand)

    def moves(self, actions: Tensor) -> tuple[Tensor, ...]:
        """Return per step of (B, N, H, A) how the hand would move, (B, N, 2) [m]."""
        return (torch.matmul(actions, self.mix.unsqueeze(1)) * STEP).unbind(dim=2)


def draw_mix(generator: torch.Generator, actions: int) -> Tensor:
    """Return an (A, 2) mixture; that of two numbers is the plane itself."""
    if actions == 2:
        return torch.eye(2)
    return torch.linalg.qr(torch.randn(actions, 2, generator=generator))[0]


def direction(angle: Tensor | float) -> Tensor:
    """Return the unit vector (2,) of an angle [rad]."""
    return torch.tensor([math.cos(angle), math.sin(angle)])


def uniform(generator: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * torch.rand((), generator=generator).item()
