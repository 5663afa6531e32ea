"""Means and standard deviations as arrays: whether two are equal, and how far apart they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from wm_planner.models.spec import Moments

TOLERANCE = 1e-6
"""Relative difference that rounding to float32 and another order of summation explain."""


class Pair(NamedTuple):
    """Mean and standard deviation (..., d), float64."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @property
    def width(self) -> int:
        """Number of columns d."""
        return int(self.mean.shape[-1])

    def columns(self, order: Sequence[int]) -> Pair:
        """Return some columns, in this order."""
        return Pair(self.mean[..., list(order)], self.std[..., list(order)])


def of_moments(moments: Moments) -> Pair:
    """Return the moments of a spec as arrays."""
    return Pair(np.asarray(moments.mean, np.float64), np.asarray(moments.std, np.float64))


def of_tensors(pair: tuple[Tensor, Tensor]) -> Pair:
    """Return a mean and a standard deviation in torch as arrays."""
    mean, std = pair
    return Pair(mean.double().numpy(), std.double().numpy())


def same(one: Pair, other: Pair) -> bool:
    """Decide whether two are equal up to rounding in float32."""
    if one.width != other.width:
        return False
    scale = TOLERANCE * (np.abs(other.mean) + other.std)
    near = (np.abs(one.mean - other.mean) <= scale) & (np.abs(one.std - other.std) <= scale)
    return bool(near.all())


def shift(one: Pair, other: Pair) -> NDArray[np.float64]:
    """Return how far normalizing with ``one`` moves a value one sigma from ``other``'s mean.

    Returns:
        In sigma (...): the largest over the columns of
        (|difference of means| + |difference of stds|) / std; infinite if the numbers of columns
        differ.
    """
    if one.width != other.width:
        return np.asarray(np.inf)
    moved = np.abs(one.mean - other.mean) + np.abs(one.std - other.std)
    return np.asarray((moved / other.std).max(axis=-1))
