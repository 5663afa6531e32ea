"""Smooth problems whose costs have noise, which plans are judged without, or steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from planner.families.base import Family, Make, Problems, first_draws
from planner.families.residual import Size, residual


@dataclass(frozen=True)
class Altered(Problems):
    """Other problems under another cost.

    Attributes:
        inner: The problems.
        spread: (B, 1) deviation of the true costs of the first draws.
        share: Size of what is altered, relative to ``spread``.
    """

    inner: Problems
    spread: Tensor
    share: float

    def __len__(self) -> int:
        return len(self.inner)

    @property
    def size(self) -> Tensor:
        """(B, 1) what is altered: the noise's deviation, or the height of a step."""
        return self.share * self.spread

    def true_cost(self, actions: Tensor) -> Tensor:
        return self.inner.true_cost(actions)

    def _row(self, index: int) -> tuple[Problems, Tensor]:
        return self.inner.one(index), self.spread[index : index + 1]


@dataclass(frozen=True)
class Noisy(Altered):
    """Costs with Gaussian noise, new in every evaluation.

    Attributes:
        noise: A generator per problem, so that it gets the same noise alone as in a batch.
    """

    noise: tuple[torch.Generator, ...]

    def cost(self, actions: Tensor) -> Tensor:
        costs = self.true_cost(actions)
        drawn = [torch.randn(costs.shape[1], generator=g) for g in self.noise]
        return costs + self.size * torch.stack(drawn)

    def one(self, index: int) -> Noisy:
        inner, spread = self._row(index)
        noise = (self.noise[index],)
        return Noisy(self.horizon, self.actions, inner, spread, self.share, noise)


@dataclass(frozen=True)
class Stepped(Altered):
    """Costs in whole steps: a planner cannot see where in a step it is, so neither do judges.

    A problem is solved on the lowest step. It counts as 1 step, not 0, so that there are ratios.
    """

    def true_cost(self, actions: Tensor) -> Tensor:
        return ((self.inner.true_cost(actions) / self.size).floor() + 1) * self.size

    def solved(self, costs: Tensor) -> Tensor:
        return costs < 1.5 * self.size[:, 0]

    def one(self, index: int) -> Stepped:
        return Stepped(self.horizon, self.actions, *self._row(index), self.share)


def _spread(problems: Problems) -> Tensor:
    return problems.true_cost(first_draws(problems, 256)).std(dim=1, keepdim=True)


def noisy(make: Make, share: float) -> Make:
    """Return the maker of the same problems with noise of a share of the first costs' spread."""

    def altered(seed: int, count: int) -> Noisy:
        inner = make(seed, count)
        noise = tuple(torch.Generator().manual_seed(7_000_000 + b) for b in range(count))
        return Noisy(inner.horizon, inner.actions, inner, _spread(inner), share, noise)

    return altered


def stepped(make: Make, share: float) -> Make:
    """Return the maker of the same problems with steps of a share of the first costs' spread."""

    def altered(seed: int, count: int) -> Stepped:
        inner = make(seed, count)
        return Stepped(inner.horizon, inner.actions, inner, _spread(inner), share)

    return altered


_TANH = residual(Size("tanh", 0.5, "smooth"))
_STRONGER = residual(Size("tanh", 1.0, "white"))
_BUDGETS = ((300, 30), (128, 10), (64, 10), (64, 5))

NOISY = Family(
    "noisy",
    "Smooth problems with noise in the cost; plans are judged without it.",
    {"noise 0.1": noisy(_TANH, 0.1), "noise 0.1, stronger": noisy(_STRONGER, 0.1)},
    {"noise 0.03": noisy(_STRONGER, 0.03), "noise 0.3": noisy(_TANH, 0.3)},
    _BUDGETS,
    count=24,
)
PLATEAUS = Family(
    "plateaus",
    "Smooth problems with the cost in steps; solved means on the lowest one.",
    {"steps of 0.05": stepped(_TANH, 0.05), "steps of 0.05, stronger": stepped(_STRONGER, 0.05)},
    {"steps of 0.02": stepped(_STRONGER, 0.02), "steps of 0.1": stepped(_TANH, 0.1)},
    _BUDGETS,
    count=24,
)
