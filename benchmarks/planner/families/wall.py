"""A wall between hand and goal, with a way round either end."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from planner.families.base import BOX, Family, Make, generators
from planner.families.hand import Hand, draw_mix, uniform

DISTANCE = 0.3
"""From the hand to the goal [m]; the wall is halfway."""
TOLERANCE = 0.05
"""Distance at which the hand is at its goal [m]; less than that of the wall."""
GAP = 1e-3
"""What is left between the wall and a hand that it stopped [m]."""


@dataclass(frozen=True)
class Wall(Hand):
    """The cost is the squared distance of the hand to its goal after the plan [m^2].

    A step that would cross the wall ends there.

    Attributes:
        middle: (B, 1) place of the wall's middle along it [m].
        half: (B, 1) half of its length [m].
    """

    middle: Tensor
    half: Tensor

    def solved(self, costs: Tensor) -> Tensor:
        return costs < TOLERANCE**2

    def _roll(self, actions: Tensor) -> Tensor:
        hand = self.hand.unsqueeze(1).expand(-1, actions.shape[1], -1)
        for move in self.moves(actions):
            hand = self._moved(hand, move)
        return hand

    def _moved(self, hand: Tensor, move: Tensor) -> Tensor:
        ahead = DISTANCE / 2 - hand[..., 0]
        forward = move[..., 0]
        part = ahead / torch.where(forward == 0, torch.full_like(forward, 1e-9), forward)
        height = hand[..., 1] + part * move[..., 1]
        hit = (part >= 0) & (part <= 1) & ((height - self.middle).abs() < self.half)
        side = torch.where(ahead < 0, -1.0, 1.0)
        stopped = torch.stack([DISTANCE / 2 - GAP * side, height], dim=-1)
        return torch.where(hit.unsqueeze(-1), stopped, hand + move)

    def true_cost(self, actions: Tensor) -> Tensor:
        return (self._roll(actions) - self.goal.unsqueeze(1)).square().sum(dim=-1)

    def telling(self, actions: Tensor) -> Tensor:
        """Return whether a candidate ends behind the wall."""
        return self._roll(actions)[..., 0] > DISTANCE / 2

    def after(self, action: Tensor) -> Wall:
        hand = self._roll(action.clamp(-BOX, BOX).view(len(self), 1, 1, -1))
        return dataclasses.replace(self, hand=hand[:, 0])

    def error(self) -> Tensor:
        return (self.hand - self.goal).square().sum(dim=-1)


def wall(half: float, horizon: int = 8, actions: int = 6) -> Make:
    """Return the maker of problems with a wall of about twice ``half`` [m]."""

    def make(seed: int, count: int) -> Wall:
        rows = []
        for generator in generators(seed, count):
            mix = draw_mix(generator, actions)
            sideways = torch.randn(2, generator=generator)
            goal = torch.stack([torch.tensor(DISTANCE), 0.04 * sideways[0]])
            middle = 0.2 * half * sideways[1:]
            length = torch.tensor([half * uniform(generator, 0.9, 1.1)])
            rows.append((mix, torch.zeros(2), goal, middle, length))
        return Wall(horizon, actions, *(torch.stack(part) for part in zip(*rows, strict=True)))

    return make


_BUDGETS = ((300, 30), (128, 10), (300, 5), (64, 10), (64, 5))
_FLOOR = TOLERANCE**2 / 25

NARROW = Family(
    "two ways, narrow",
    "A narrow wall between hand and goal: straight ahead is a dead end near the start.",
    {"8 steps of 6": wall(0.15)},
    {"6 steps of 4": wall(0.13, 6, 4)},
    _BUDGETS,
    floor=_FLOOR,
    loops={"8 steps of 6": wall(0.15)},
)
WIDE = Family(
    "two ways, wide",
    "A wide wall: the way round it first leads away from the goal.",
    {"8 steps of 6": wall(0.35), "5 steps of 2": wall(0.33, 5, 2)},
    {"6 steps of 4": wall(0.3, 6, 4)},
    _BUDGETS,
    floor=_FLOOR,
)
