"""Means, shares and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

RESAMPLES = 4000
Z = 1.959964
"""Quantile of the normal distribution for intervals of 95 %."""


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def ratios(costs: Sequence[float], base: Sequence[float], floor: float) -> list[float]:
    """Return cost over cost, problem by problem; costs below the floor count as the floor."""
    pairs = zip(costs, base, strict=True)
    return [max(a, floor) / max(b, floor) for a, b in pairs]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of a geometric mean: percentiles of a bootstrap over the values.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    logs = torch.tensor(values, dtype=torch.float64).log()
    drawn = torch.randint(
        len(logs), (RESAMPLES, len(logs)), generator=torch.Generator().manual_seed(0)
    )
    means = logs[drawn].mean(dim=1)
    low, high = means.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).exp().tolist()
    return low, high


def wilson(solved: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of
    the American Statistical Association 22, 1927.
    """
    share, scale = solved / total, 1 + Z**2 / total
    middle = (share + Z**2 / (2 * total)) / scale
    half = Z / scale * math.sqrt(share * (1 - share) / total + Z**2 / (4 * total**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def ratio_text(values: Sequence[float]) -> str:
    low, high = interval(values)
    return f"{geometric_mean(values):.2f} ({low:.2f}–{high:.2f})"


def share_text(solved: Sequence[bool]) -> str:
    low, high = wilson(sum(solved), len(solved))
    return f"{sum(solved)} ({100 * low:.0f}–{100 * high:.0f} %)"
