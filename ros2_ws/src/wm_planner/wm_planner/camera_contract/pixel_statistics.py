"""Brightness and color statistics of one image, from histograms of a sample of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wm_planner.types import RgbImage

_SAMPLES = 256
"""Largest number of rows and of columns that are sampled; a check then takes under 1 ms."""


@dataclass(frozen=True)
class PixelStatistics:
    """Statistics of an image; all values in [0, 1].

    Attributes:
        mean: (3,) mean of R, G and B.
        std: (3,) standard deviation of R, G and B.
        top: Largest value.
        bright: Value that 99.5 % of all values do not exceed.
        saturated: Fraction of values of 254 and 255.
        color: Root mean square of the difference between the largest and the smallest channel of a
            pixel; 0 for a gray image.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    top: float
    bright: float
    saturated: float
    color: float

    @property
    def spread(self) -> float:
        """Largest standard deviation of a channel; 0 for an image of one color."""
        return float(self.std.max())


def pixel_statistics(image: RgbImage) -> PixelStatistics:
    """Measure the central square of an image, which is what the model sees.

    Args:
        image: (height, width, 3) uint8 RGB.
    """
    sample = _sample(_central_square(image))
    counts = np.stack([np.bincount(sample[..., c].ravel(), minlength=256) for c in range(3)])
    values = np.arange(256) / 255.0
    share = counts / counts.sum(axis=1, keepdims=True)
    mean = share @ values
    std = np.sqrt(np.maximum(share @ values**2 - mean**2, 0.0))
    all_channels = share.mean(axis=0)
    bright = int(np.searchsorted(np.cumsum(all_channels), 0.995))
    return PixelStatistics(
        mean=mean,
        std=std,
        top=float(np.flatnonzero(all_channels)[-1]) / 255.0,
        bright=min(bright, 255) / 255.0,
        saturated=float(all_channels[254:].sum()),
        color=color_difference(sample),
    )


def color_difference(images: NDArray[np.uint8]) -> float:
    """Return the root mean square of the largest minus the smallest channel (..., 3), in [0, 1]."""
    difference = images.max(axis=-1) - images.min(axis=-1)
    return float(np.sqrt(np.mean(np.square(difference, dtype=np.float64)))) / 255.0


def _central_square(image: RgbImage) -> RgbImage:
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def _sample(image: RgbImage) -> RgbImage:
    rows, columns = (-(-side // _SAMPLES) for side in image.shape[:2])
    return image[::rows, ::columns]
