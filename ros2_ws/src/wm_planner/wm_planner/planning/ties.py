"""Which candidates tie, and how much noise the costs have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

ROUNDING = 4
"""Costs tie if they differ by less than this many units in the last place of the highest."""
NOISE = 8.0
"""Costs tie if they differ by less than this many deviations of the measured noise.

A few hundred equal candidates with Gaussian noise differ by about six."""


def noise_copies(searching: int) -> int:
    """Return how often to evaluate the first guess, when N candidates are drawn at once."""
    return max(1, min(8, searching // 7))


class Ties:
    """Decides which candidates of an iteration tie with the worst one.

    Candidates tie if the cost cannot tell them apart: they differ by no more than its rounding, or
    than its noise, which is measured by evaluating one plan several times. If all tie, nothing was
    learned. Impossible candidates (cost inf) tie with the worst possible one.

    Attributes:
        eps: Relative rounding of the costs.
        slack: (B, 1) difference below which costs tie because of noise.
    """

    def __init__(self, batch: int, device: torch.device, *, compares: bool = True) -> None:
        """Start without noise.

        Args:
            batch: Problems.
            device: Where plans are made.
            compares: Whether the search compares candidates.
        """
        self.compares = compares
        self.eps = torch.finfo(torch.float32).eps
        self.slack = torch.zeros(batch, 1, device=device)
        self._on_host: npt.NDArray[Any] | None = None

    def measure(self, costs: Tensor, unknown: Tensor) -> None:
        """Measure the noise.

        The fewer costs, the more slack is left. Differences within the rounding are no noise, and
        impossible plans show none.

        Args:
            costs: (B, K) of one plan per problem, evaluated K times.
            unknown: (B,) problems that were not measured before; the others stay as they are.
        """
        degrees = costs.shape[1] - 1
        if not degrees:
            return
        deviation = costs.std(dim=1, keepdim=True)
        rounding = ROUNDING * self.eps * costs[:, :1].abs()
        noisy = (deviation > rounding) & (deviation < torch.inf)
        slack = torch.where(noisy, NOISE * (1 + 6 / degrees) * deviation, 0.0)
        self.slack = torch.where(unknown.unsqueeze(1), slack, self.slack.to(slack))
        self._on_host = None

    def margin(self, costs: Tensor) -> Tensor:
        """Return by how much costs (..., B, 1) must differ from others to be told apart."""
        rounding = ROUNDING * self.eps * costs.abs().nan_to_num(posinf=0.0)
        return torch.maximum(rounding, self.slack)

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

    def look(self, costs: npt.NDArray[Any], searching: int) -> Look:
        """Return what the host sees of costs (B, N).

        Args:
            costs: On the host.
            searching: How many, the first ones, belong to candidates that the search has drawn.
        """
        ranked = np.sort(costs[:, :searching], axis=1)
        worst = ranked[:, -1:]
        if not np.isfinite(worst).all():
            worst = np.where(ranked < np.inf, ranked, -np.inf).max(axis=1, keepdims=True)
        if self._on_host is None:
            self._on_host = self.slack.numpy()
        with np.errstate(invalid="ignore"):
            rounding = ROUNDING * self.eps * np.abs(worst)
            threshold = worst - np.maximum(rounding, self._on_host)
        told = ranked[:, 0] < threshold[:, 0]
        if ranked.shape[1] == 1 or not self.compares:
            told = np.ones_like(told)
        alone = ranked[:, -2:-1] < threshold  # the worst candidate ties with no other
        different = (ranked[:, 1:] > ranked[:, :-1]).all()
        typical = ranked[:, (ranked.shape[1] - 1) // 2]
        return Look(
            costs.min(axis=1).tolist(),
            typical.tolist(),
            told.tolist(),
            not (alone.all() and different),
        )


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
