"""Weights of candidates by their rank."""

from __future__ import annotations

import torch
from torch import Tensor


def log_rank(samples: int, elites: Tensor) -> Tensor:
    """Return the weights (..., N) of candidates sorted by cost, best first.

    The best ``elites`` get ``log(elites + 1/2) - log(rank)``, scaled to sum to one: CMA-ES's
    recombination weights (Hansen 2016, "The CMA Evolution Strategy: A Tutorial", eq. 49).

    Args:
        samples: N.
        elites: (..., 1) how many; all weights are 0 where it is 0.
    """
    ranks = torch.arange(1, samples + 1, dtype=torch.float64)
    weights = ((elites.double() + 0.5).log() - ranks.log()).clamp(min=0.0)
    return weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-30)


class RankWeights:
    """What each candidate adds to the mean and to the covariance, by its rank.

    The mean follows the weights of ``log_rank``, times ``step``. The worst candidates get the same
    weights in reverse, times ``-repulsion``. Active CMA-ES (Jastrebski and Arnold 2006) does so for
    the covariance, here it is for the mean: with mirrored draws, the opposite of a bad direction is
    worth taking. The covariance follows those of more candidates; their sum is subtracted evenly
    from all, so that equal candidates would change nothing.

    Candidates that tie get the mean of their weights. If so many tie with the worst one that fewer
    than the usual number are better, only those are elites, and the covariance moves less.

    Attributes:
        untied: (2, N) weights for the mean and the covariance if no candidates tie.
    """

    LEVELS = 1024
    """Largest number of rows in the table for ties; more candidates share rows."""

    def __init__(
        self,
        samples: int,
        *,
        elites: int,
        shapers: int,
        repulsion: float,
        step: float,
        device: torch.device,
    ) -> None:
        """Take the numbers of candidates that count, and the size of the step."""
        self._samples, self._elites, self._shapers = samples, elites, shapers
        self._repulsion, self._step = repulsion, step
        self._device = device
        self._stride = -(-samples // self.LEVELS)
        self._table: Tensor | None = None
        self.untied = self._cumulative(torch.tensor([samples - 1]))[0].diff(dim=1)

    def tied(self, costs: Tensor, threshold: Tensor) -> tuple[Tensor, Tensor]:
        """Return weights of which candidates that tie have the same.

        Args:
            costs: (B, N) sorted.
            threshold: (B, 1) cost from which on candidates tie with the worst one.

        Returns:
            Weights (B, 2, N) for the mean and the covariance, and how many candidates are better
            than those that tie with the worst one (B, 1).
        """
        assert self._table is not None
        better = torch.searchsorted(costs, threshold)
        level = (better + (self._stride - 1)).div(self._stride, rounding_mode="floor")
        sums = self._table[level.squeeze(1)]
        shape = (-1, 2, -1)
        first = torch.searchsorted(costs, costs)
        end = torch.searchsorted(costs, costs, right=True)
        low = sums.gather(2, first.unsqueeze(1).expand(shape))
        high = sums.gather(2, end.unsqueeze(1).expand(shape))
        return (high - low) / (end - first).unsqueeze(1), better

    def prepare(self) -> None:
        """Make what ``tied`` needs, at the first call only."""
        if self._table is None:
            levels = torch.arange(0, self._samples + self._stride, self._stride)
            self._table = self._cumulative(levels)

    def _cumulative(self, better: Tensor) -> Tensor:
        """Return cumulative weights (K, 2, N + 1) if ``better`` (K,) are better than the worst."""
        n = self._samples
        better = better.clamp(max=n).unsqueeze(1)
        share = (better / self._elites).clamp(max=1.0)
        worst = log_rank(n, torch.tensor([self._elites])).flip(0).expand(len(better), -1)
        alike = (torch.arange(n) >= better) & (better < n - 1)
        shared = (worst * alike).sum(1, keepdim=True) / alike.sum(1, keepdim=True).clamp(min=1)
        worst = torch.where(alike, shared, worst)
        best = log_rank(n, better.clamp(max=self._elites)) * (1 + (self._step - 1) * share)
        mean = (best - self._repulsion * self._step * worst) * (better > 0)
        shape = log_rank(n, better.clamp(max=self._shapers))
        shape = (shape - (better > 0) / n) * (better / self._shapers).clamp(max=1.0)
        both = torch.stack([mean, shape], dim=1)
        return torch.nn.functional.pad(both.cumsum(dim=2), (1, 0)).float().to(self._device)
