"""Weights of candidates by their rank."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def log_rank(samples: int, elites: int, repulsion: float = 0.0) -> Tensor:
    """Return the weights (N,) of candidates sorted by cost, best first.

    The best ``elites`` get ``log(elites + 1/2) - log(rank)``, scaled to sum to one: CMA-ES's
    recombination weights (Hansen 2016, "The CMA Evolution Strategy: A Tutorial", eq. 49).
    The worst candidates get the same weights in reverse, times ``-repulsion``. Active CMA-ES
    (Jastrebski and Arnold 2006) does so for the covariance, here it is for the mean: with mirrored
    draws, the opposite of a bad direction is worth taking.
    """
    ranks = torch.arange(1, samples + 1, dtype=torch.float32)
    weights = (math.log(elites + 0.5) - ranks.log()).clamp(min=0.0)
    weights = weights / weights.sum()
    return weights - repulsion * weights.flip(0)
