"""The noise of the costs, measured by evaluating one plan several times."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

from wm_planner.planning.reading import Reading

ROUNDING = 4
"""Costs are the same if they differ by less than this many units in the last place."""
RANGE = 7.5
"""Costs of equal candidates differ by less than this many deviations, however many there are."""
OUTLIER = 5.0
"""None is this many deviations below their median."""
SURE = 4.0
"""Deviations from which on the direction of the better candidates is not taken for chance."""
LIKELY = 2.5
"""Deviations by which two numbers that are compared may be wrong, one upward, one downward."""
TENTH = 2.563
"""Deviations between the tenth and the ninetieth percentile of Gaussian numbers."""
FEWEST = 8
"""With fewer candidates the noise is not measured."""


def lowest_share(degrees: int, deviations: float) -> float:
    """Return how small a chi-squared variable over its degrees of freedom is, at the least.

    Wilson and Hilferty 1931: its cube root is nearly Gaussian.

    Args:
        degrees: Of freedom.
        deviations: How unlikely a smaller one is, in deviations of a Gaussian; may be negative.
    """
    part = 2 / (9 * degrees)
    return max(0.0, 1 - part - deviations * math.sqrt(part)) ** 3


def twins_of(searching: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the rows (K,) of candidates to draw as others are, and the rows of those others.

    The second quarter of N draws is a copy of the first, and the last one of the third, so that
    draws which are mirrored (``Draws``) stay so.
    """
    half = (searching + 1) // 2
    first, third = half // 2, (searching - half) // 2
    rows = [*range(first, 2 * first), *range(half + third, half + 2 * third)]
    others = [*range(first), *range(half, half + third)]
    return torch.tensor(rows, device=device), torch.tensor(others, device=device)


class Noise:
    """How much the costs of the same candidate differ.

    The first call of a plan evaluates the first guess twice. If the costs differ by more than
    their rounding, the second call evaluates half as many candidates twice (``twins_of``). Until
    then nothing is known of the noise but that it is there. Impossible plans show no noise.

    Attributes:
        deviation: (B, 1), 0 without noise, infinite before it is measured. Only if ``seen``.
    """

    deviation: Tensor

    def __init__(self) -> None:
        """Start without noise."""
        self._seen = False
        self._reading: Reading | None = None
        self._wrong = 1.0  # by which factor the deviation may be too small

    @property
    def seen(self) -> bool:
        """Whether there may be noise in any problem; True until the host knows that there is none.

        On a GPU it never waits to know. No plan depends on when it does.
        """
        if self._reading is not None and self._reading.arrived():
            self._seen = bool(self._reading.numbers()[0][0])
            self._reading = None
        return self._seen

    def begin(self, costs: Tensor, eps: float, host: npt.NDArray[Any] | None) -> None:
        """Take the costs of the first guess: the first and the last of a call.

        Args:
            costs: (B, N).
            eps: Their relative rounding.
            host: The same on the host, if it need not wait for them.
        """
        if host is not None:
            pairs = zip(host[:, 0].tolist(), host[:, -1].tolist(), strict=True)
            if not any(abs(a - b) > ROUNDING * eps * abs(a) for a, b in pairs):
                return
        self._seen = True
        self._first = costs[:, :1] - costs[:, -1:]
        apart = self._first.abs()
        noisy = (apart > ROUNDING * eps * costs[:, :1].abs()) & (apart < torch.inf)
        self.deviation = torch.where(noisy, torch.inf, 0.0)
        self._reading = Reading(noisy.any().view(1, 1))

    def measure(self, costs: Tensor, again: Tensor) -> None:
        """Measure the noise where there is some.

        Args:
            costs: (B, K) of candidates.
            again: The same candidates' costs in another place of the call.
        """
        apart = torch.cat([self._first, costs - again], dim=1)
        pairs = apart.isfinite().sum(dim=1, keepdim=True)
        variance = apart.nan_to_num(0.0, 0.0, 0.0).square().sum(dim=1, keepdim=True) / (2 * pairs)
        self.deviation = torch.where(self.deviation > 0, variance.sqrt(), 0.0)
        self._wrong = lowest_share(apart.shape[1], LIKELY) ** -0.5

    def margin(self) -> Tensor:
        """Return (B, 1) by how much costs must differ; the fewer were measured, the more."""
        return RANGE * self._wrong * self.deviation

    def luck(self) -> Tensor:
        """Return (B, 1) how far noise lets the lowest of many equal costs be below the others."""
        return OUTLIER * self._wrong * self.deviation

    def outlier(self, ranked: Tensor) -> Tensor:
        """Return the cost (B, 1) below which one of sorted costs (B, N) is no noise.

        Most candidates are taken to be equally good. If all are impossible it is -inf.
        """
        count = self._possible(ranked)
        middle = ranked.gather(1, (count - 1).clamp(min=0) // 2)
        return torch.where(count > 0, middle - self.luck(), -torch.inf)

    def exceeded(self, ranked: Tensor) -> Tensor:
        """Return whether sorted costs (B, N) as a whole differ by more than the noise (B, 1).

        That is so if the middle 80 % of those that are possible are spread wider than those of
        noise. The relative deviation of that spread is 0.89 / sqrt(N) for Gaussian numbers.
        """
        count = self._possible(ranked)
        low = count // 10
        high = (count - 1 - low).clamp(min=0)
        spread = (ranked.gather(1, high) - ranked.gather(1, low)) / TENTH
        chance = 1 + LIKELY * 0.89 * count.clamp(min=1).rsqrt()
        return (self.deviation > 0) & (spread > chance * self._wrong * self.deviation)

    @staticmethod
    def _possible(ranked: Tensor) -> Tensor:
        return (ranked < torch.inf).sum(dim=1, keepdim=True)


class Evidence:
    """Changes of mean and covariance, summed over calls until they are more than chance.

    Under noise alone the ranks of the candidates have nothing to do with their draws. The sum of
    draws times weights, by which the mean would move, has D parts then, each with a variance of the
    sum of the squared weights, and over that its squared length is a chi-squared variable of D
    degrees of freedom. Seldom is a single call enough. But as long as nothing moves, all calls draw
    from the same distribution, and their sums add up.
    """

    def __init__(self, change: Tensor) -> None:
        """Start with nothing, for changes like this (B, D + 1, D)."""
        dims = change.shape[2]
        self._sum = torch.zeros_like(change)
        self._calls = change.new_zeros(len(change), 1, 1)
        self._variance = self._calls
        self._limit = dims * lowest_share(dims, -SURE)

    def weigh(self, change: Tensor, weights: Tensor, sure: Tensor) -> Tensor:
        """Add a call, and decide what it changes.

        Args:
            change: (B, D + 1, D) for the covariance and, in the last row, the mean, in draws. It
                becomes the mean over the calls of the sum, or 0 if that may be chance.
            weights: (B, N) of the draws in the last row; they sum to 0.
            sure: (B, 1, 1) whether this call is no chance; then only itself counts.

        Returns:
            (B, 1, 1) whether there is a change.
        """
        total, calls = self._sum + change, self._calls + 1
        variance = self._variance + weights.square().sum(dim=1).view(-1, 1, 1)
        length = total[:, -1:].square().sum(dim=2, keepdim=True)
        told = sure | (length > self._limit * variance)
        change.copy_(torch.where(sure, change, total / calls) * told)
        self._sum, self._calls, self._variance = total, calls, variance
        self.forget(told)
        return told

    def forget(self, problems: Tensor) -> None:
        """Begin anew in some problems (B, 1, 1), whose mean has moved."""
        kept = ~problems
        self._sum, self._calls = self._sum * kept, self._calls * kept
        self._variance = self._variance * kept
