"""Channel statistics of one image, from a histogram of a sample of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SIDE = 256
"""Rows and columns that are sampled at most: a check then costs under a millisecond."""


@dataclass(frozen=True)
class ImageStatistics:
    """What the contract needs to know about an image; values in [0, 1].

    Attributes:
        mean: (3,) mean per R, G, B channel.
        std: (3,) standard deviation per channel.
        top: Largest value.
        bright: Value that 99.5 % of all values do not exceed.
        saturated: Fraction of values of 254 and 255.
        spread: Largest standard deviation of a channel.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    top: float
    bright: float
    saturated: float

    @property
    def spread(self) -> float:
        """Largest standard deviation of a channel; 0 for an image of one color."""
        return float(self.std.max())


def measure(image: NDArray[np.uint8], aspect: float) -> ImageStatistics:
    """Measure the part of an image that the model gets to see.

    Args:
        image: (height, width, 3) uint8 RGB.
        aspect: Width over height of the training images; the center of that shape is measured.
    """
    sample = _sample(_center(image, aspect))
    counts = np.stack([np.bincount(sample[..., c].ravel(), minlength=256) for c in range(3)])
    values = np.arange(256) / 255.0
    share = counts / counts.sum(axis=1, keepdims=True)
    mean = share @ values
    std = np.sqrt(np.maximum(share @ values**2 - mean**2, 0.0))
    together = share.mean(axis=0)
    bright = int(np.searchsorted(np.cumsum(together), 0.995))
    return ImageStatistics(
        mean=mean,
        std=std,
        top=float(np.flatnonzero(together)[-1]) / 255.0,
        bright=min(bright, 255) / 255.0,
        saturated=float(together[254:].sum()),
    )


def _center(image: NDArray[np.uint8], aspect: float) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    rows = min(height, max(1, round(width / aspect)))
    columns = min(width, max(1, round(height * aspect)))
    top, left = (height - rows) // 2, (width - columns) // 2
    return image[top : top + rows, left : left + columns]


def _sample(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = (-(-side // _SIDE) for side in image.shape[:2])
    return image[::rows, ::columns]
