"""Which candidates the costs tell apart."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

from wm_planner.planning.noise import ROUNDING, Noise


class Ties:
    """Decides which candidates of an iteration tie with the worst one.

    Candidates tie if the cost cannot tell them apart: they differ by no more than its rounding, or
    than its noise (``Noise``). If all tie, nothing was
    learned. Impossible candidates (cost inf) tie with the worst possible one.

    Attributes:
        eps: Relative rounding of the costs.
        noise: Their noise.
    """

    def __init__(self, *, compares: bool = True) -> None:
        """Start without noise; ``compares``: whether the search compares candidates."""
        self.compares = compares
        self.eps = torch.finfo(torch.float32).eps
        self.noise = Noise()

    def margin(self, costs: Tensor) -> Tensor:
        """Return by how much costs (..., B, 1) must differ from others to be told apart."""
        rounding = ROUNDING * self.eps * costs.abs().nan_to_num(posinf=0.0)
        return torch.maximum(rounding, self.noise.margin()) if self.noise.seen else rounding

    def threshold(self, costs: Tensor) -> Tensor:
        """Return the cost (..., B, 1) from which on candidates of (..., B, N) tie with the worst.

        If all are impossible it is -inf.
        """
        worst = torch.where(costs < torch.inf, costs, -torch.inf).amax(dim=-1, keepdim=True)
        return worst - self.margin(worst)

    def told_apart(self, costs: Tensor) -> Tensor:
        """Return whether the costs (..., B, N) tell any candidates apart: (..., B).

        Searches that do not compare candidates, or have only one, need not tell them apart.
        """
        if costs.shape[-1] == 1 or not self.compares:
            return torch.ones_like(costs[..., 0], dtype=torch.bool)
        return (costs.amin(dim=-1, keepdim=True) < self.threshold(costs)).squeeze(-1)

    def look(self, costs: npt.NDArray[Any], ranked: list[list[float]]) -> Look:
        """Return what the host sees of costs (B, N), as if they had no noise.

        With lists, which take half the time of arrays here, where the caches are full of the model.

        Args:
            costs: On the host.
            ranked: Those of the candidates that the search has drawn, the first ones, sorted.
        """
        lowest, typical, told, ties = [], [], [], False
        rounded = costs.dtype.type
        for row in ranked:
            possible = row if row[-1] < math.inf else [cost for cost in row if cost < math.inf]
            worst = possible[-1] if possible else -math.inf
            threshold = float(rounded(worst - ROUNDING * self.eps * abs(worst)))
            several = len(row) > 1
            lowest.append(row[0])
            typical.append(row[(len(row) - 1) // 2])
            told.append(not (several and self.compares) or row[0] < threshold)
            ties |= not several or row[-2] >= threshold or any(map(operator.eq, row, row[1:]))
        searching = len(ranked[0])
        if searching < costs.shape[1]:
            aside = costs[:, searching:].tolist()
            lowest = [min(low, *others) for low, others in zip(lowest, aside, strict=True)]
        return Look(lowest, typical, told, ties)


@dataclass(frozen=True)
class Look:
    """What the host saw of the costs of a call.

    Attributes:
        lowest: Lowest cost per problem.
        typical: Median cost per problem of those that the search has drawn.
        told: Per problem, whether the costs tell apart any that the search has drawn.
        ties: Whether some candidates tie or are impossible.
    """

    lowest: list[float]
    typical: list[float]
    told: list[bool]
    ties: bool
