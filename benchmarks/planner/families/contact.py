"""A hand must push a block to a goal; the cost is flat until they touch."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from planner.families.base import BOX, Family, Make, generators
from planner.families.hand import Hand, direction, draw_mix, uniform

RADIUS = 0.06
"""Distance of the hand at which it pushes the block [m]."""
PUSH = 0.12
"""Distance of the block to its goal [m]."""
TOLERANCE = PUSH / 4
"""Distance at which the block is at its goal [m]."""
PARTS = 3
"""Parts of a step, after each of which the contact is computed."""


@dataclass(frozen=True)
class Contact(Hand):
    """The cost is the squared distance of the block to its goal after the plan [m^2].

    Attributes:
        block: (B, 2) present position [m].
    """

    block: Tensor

    def solved(self, costs: Tensor) -> Tensor:
        return costs < TOLERANCE**2

    def _roll(self, actions: Tensor) -> tuple[Tensor, Tensor]:
        hand = self.hand.unsqueeze(1).expand(-1, actions.shape[1], -1)
        block = self.block.unsqueeze(1).expand(-1, actions.shape[1], -1)
        for move in self.moves(actions):
            for _ in range(PARTS):
                hand = hand + move / PARTS
                gap = block - hand
                distance = gap.norm(dim=-1, keepdim=True).clamp_min(1e-9)
                block = torch.where(distance < RADIUS, hand + gap / distance * RADIUS, block)
        return hand, block

    def true_cost(self, actions: Tensor) -> Tensor:
        return (self._roll(actions)[1] - self.goal.unsqueeze(1)).square().sum(dim=-1)

    def after(self, action: Tensor) -> Contact:
        hand, block = self._roll(action.clamp(-BOX, BOX).view(len(self), 1, 1, -1))
        return dataclasses.replace(self, hand=hand[:, 0], block=block[:, 0])

    def error(self) -> Tensor:
        return (self.block - self.goal).square().sum(dim=-1)


def contact(distance: float, horizon: int = 5, actions: int = 6) -> Make:
    """Return the maker of problems with the block at about a distance from the hand [m]."""

    def make(seed: int, count: int) -> Contact:
        rows = []
        for generator in generators(seed, count):
            mix = draw_mix(generator, actions)
            angle = uniform(generator, 0, 2 * math.pi)
            block = distance * uniform(generator, 0.95, 1.05) * direction(angle)
            goal = block + PUSH * direction(angle + uniform(generator, -0.25, 0.25))
            rows.append((mix, torch.zeros(2), goal, block))
        return Contact(horizon, actions, *(torch.stack(part) for part in zip(*rows, strict=True)))

    return make


_BUDGETS = ((300, 30), (128, 10), (300, 5), (64, 10), (64, 5))
_FLOOR = TOLERANCE**2 / 9

FAR = Family(
    "contact, far",
    "A hand must push a block that nearly no first draw touches; until then the cost is flat.",
    {"5 steps of 6": contact(0.44), "5 steps of 2": contact(0.435, actions=2)},
    {"8 steps of 4": contact(0.535, 8, 4), "4 steps of 10": contact(0.393, 4, 10)},
    _BUDGETS,
    floor=_FLOOR,
    loops={"5 steps of 6": contact(0.44)},
)
NEAR = Family(
    "contact, near",
    "The same with a block within the reach of many first draws.",
    {"5 steps of 6": contact(0.2)},
    {"8 steps of 4": contact(0.25, 8, 4)},
    _BUDGETS,
    floor=_FLOOR,
    loops={"5 steps of 6": contact(0.2)},
)
