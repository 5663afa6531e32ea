"""The noise of the costs, measured by evaluating some candidates twice."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

from wm_planner.planning.reading import Reading

ROUNDING = 4
"""Costs are the same if they differ by less than this many units in the last place of one."""
PROBES = 2
"""How many candidates of the first call are evaluated twice."""
RANGE = 7.5
"""A few hundred equal costs with Gaussian noise differ by less than this many deviations."""
OUTLIER = 5.0
"""Of thousands of equal costs none is this many deviations below their median."""
SURE = 4.0
"""A direction of the better candidates is no chance from this many deviations on."""
LIKELY = 2.5
"""Deviations of chance that are allowed for in a measured number; 0.6 % of cases are beyond."""
TENTH = 2.563
"""Deviations between the tenth and the ninetieth percentile of Gaussian numbers."""


def chi_squared(degrees: Tensor, deviations: float) -> Tensor:
    """Return a percentile of a chi-squared variable over its degrees of freedom.

    Wilson and Hilferty 1931: its cube root is nearly Gaussian.

    Args:
        degrees: Of freedom.
        deviations: The percentile, as that of a Gaussian variable this far above its mean.
    """
    part = 2 / (9 * degrees)
    return (1 - part + deviations * part.sqrt()).clamp(min=0.0) ** 3


def twins_of(searching: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the rows (K,) of candidates to draw as others are, and the rows of those others.

    Of N draws, a quarter becomes the same as another quarter, half of them in each half, so that
    draws which are mirrored (``Draws``) stay so.
    """
    half, eighth = (searching + 1) // 2, searching // 8
    others = torch.arange(eighth, device=device)
    others = torch.cat([others, half + others])
    return others + eighth, others


def _alike(costs: list[float], again: list[float], eps: float) -> bool:
    """Decide whether pairs of costs show that there is no noise."""
    pairs = [(a, b) for a, b in zip(costs, again, strict=True) if max(a, b) < math.inf]
    return bool(pairs) and all(abs(a - b) <= ROUNDING * eps * abs(a) for a, b in pairs)


class Noise:
    """How much the costs of the same candidate differ.

    The first call of a plan evaluates a few candidates twice. If their costs differ by more than
    their rounding, there is noise, and the second call evaluates more candidates twice
    (``twins_of``) to measure it; also if so many are impossible that the first call shows nothing.

    Attributes:
        noisy: (B, 1) whether there is noise in a problem.
        doubtful: (B, 1) whether the second call is to measure it.
        deviation: (B, 1), 0 without noise.
    """

    def __init__(self) -> None:
        """Start without noise; ``begin`` makes the attributes."""
        self._seen = False
        self._reading: Reading | None = None
        self.noisy = self.doubtful = self.deviation = self._wrong = torch.empty(0)

    @property
    def seen(self) -> bool:
        """Whether there may be noise in any problem; True until the host knows that there is none.

        On a GPU it never waits to know. No plan depends on when it does.
        """
        if self._reading is not None and self._reading.arrived():
            self._seen = bool(self._reading.numbers()[0][0])
            self._reading = None
        return self._seen

    def begin(self, costs: Tensor, probes: int, eps: float, host: npt.NDArray[Any] | None) -> None:
        """Take the first call, whose last candidates are the same as the first ones.

        Args:
            costs: (B, N).
            probes: How many.
            eps: Relative rounding of the costs.
            host: The same on the host, if it need not wait for them.
        """
        if host is not None:
            firsts, seconds = host[:, :probes].tolist(), host[:, -probes:].tolist()
            if all(_alike(*both, eps) for both in zip(firsts, seconds, strict=True)):
                return
        self._seen = True
        self._first = costs[:, :probes], costs[:, -probes:]
        self.noisy = torch.ones(len(costs), 1, dtype=torch.bool, device=costs.device)
        possible = self._take(*self._first, eps)
        self.doubtful = self.noisy | ~possible
        self._reading = Reading(self.doubtful.any().view(1, 1))

    def measure(self, costs: Tensor, again: Tensor, eps: float) -> Tensor:
        """Measure the noise where it is in doubt.

        Args:
            costs: (B, K) of candidates.
            again: The same candidates' costs in another place of the call.
            eps: Relative rounding of the costs.

        Returns:
            (B, 1) which problems have noise that the first call did not show.
        """
        before, self.noisy = self.noisy, self.doubtful
        firsts, seconds = self._first
        self._take(torch.cat([firsts, costs], dim=1), torch.cat([seconds, again], dim=1), eps)
        self._reading = Reading(self.noisy.any().view(1, 1))
        return self.noisy & ~before

    def _take(self, costs: Tensor, again: Tensor, eps: float) -> Tensor:
        """Take the costs of pairs (B, K) in problems that may be noisy.

        Returns:
            (B, 1) whether both of any pair are possible.
        """
        apart = costs - again
        possible = apart.isfinite()
        apart = torch.where(possible, apart, 0.0).abs()
        differs = (apart > ROUNDING * eps * costs.abs()).any(dim=1, keepdim=True)
        self.noisy = self.noisy & differs
        pairs = possible.sum(dim=1, keepdim=True)
        largest = apart.amax(dim=1, keepdim=True)  # no square exceeds the range of floats
        share = (apart / largest).square().sum(dim=1, keepdim=True) / (2 * pairs)
        self.deviation = torch.where(self.noisy, largest * share.sqrt(), 0.0)
        # By which factor that may be too small; 128 is right for one degree of freedom.
        self._wrong = chi_squared(pairs.clamp(min=1), -LIKELY).rsqrt().clamp(max=128.0)
        return pairs > 0

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
        return self.noisy & (spread > chance * self._wrong * self.deviation)

    @staticmethod
    def _possible(ranked: Tensor) -> Tensor:
        return (ranked < torch.inf).sum(dim=1, keepdim=True)


class Evidence:
    """Changes of mean and covariance, summed over calls until they are more than chance.

    Under noise alone the ranks of the candidates have nothing to do with their draws. The sum of
    draws times weights, by which the mean would move, then has D parts, each with a variance of the
    sum of the squared weights. Its squared length over that variance has a mean of D, and is spread
    like a chi-squared variable with one degree of freedom for each independent direction of the
    draws, at most D. Seldom is a single call enough. But as long as nothing moves, all calls draw
    from the same distribution, and their sums add up.
    """

    def __init__(self, change: Tensor) -> None:
        """Start with nothing, for changes like this (B, D + 1, D)."""
        self._dims = change.shape[2]
        self._sum = torch.zeros_like(change)
        self._calls = change.new_zeros(len(change), 1, 1)
        self._variance = self._directions = self._calls

    def weigh(self, change: Tensor, weights: Tensor, directions: int, sure: Tensor) -> Tensor:
        """Add a call, and decide what it changes.

        Args:
            change: (B, D + 1, D) for the covariance and, in the last row, the mean, in draws. It
                becomes the mean over the calls of the sum, or 0 if that may be chance.
            weights: (B, N) of the draws in the last row; they sum to 0 where it is not sure.
            directions: How many of the draws are independent, at the least.
            sure: (B, 1, 1) whether this call is no chance; then only itself counts.

        Returns:
            (B, 1, 1) whether there is a change.
        """
        n = weights.shape[1]
        variance = weights.square().sum(dim=1).view(-1, 1, 1) * (n / (n - 1))
        self._sum, self._calls = self._sum + change, self._calls + 1
        self._variance = self._variance + variance
        self._directions = self._directions + directions
        degrees = self._directions.clamp(max=self._dims)
        length = self._sum[:, -1:].square().sum(dim=2, keepdim=True)
        limit = self._dims * chi_squared(degrees, SURE) * self._variance
        told = sure | (length > limit)
        change.copy_(torch.where(sure, change, self._sum / self._calls) * told)
        self.forget(told)
        return told

    def forget(self, problems: Tensor) -> None:
        """Begin anew in some problems (B, 1, 1), whose mean has moved."""
        kept = ~problems
        self._sum, self._calls = self._sum * kept, self._calls * kept
        self._variance, self._directions = self._variance * kept, self._directions * kept
