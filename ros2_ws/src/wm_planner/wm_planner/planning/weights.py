"""How much each candidate counts, by its rank."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def log_rank(samples: int, elites: int, repulsion: float = 0.0) -> Tensor:
    """Weights (N,) of candidates sorted by cost, best first.

    The best ``elites`` get ``log(elites + 1/2) - log(rank)``, scaled to sum to one: CMA-ES's
    recombination weights (Hansen 2016, "The CMA Evolution Strategy: A Tutorial", eq. 49).
    ``repulsion`` times the same weights, negative, go to the worst candidates, the worst one
    most, as in active CMA-ES (Jastrebski and Arnold 2006) but here for the mean: in mirrored draws
    the opposite of a bad direction is one worth taking.
    """
    ranks = torch.arange(1, samples + 1, dtype=torch.float32)
    weights = (math.log(elites + 0.5) - ranks.log()).clamp(min=0.0)
    weights = weights / weights.sum()
    return weights - repulsion * weights.flip(0)
