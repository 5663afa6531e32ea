"""Brightness and color statistics of one image, from histograms of a sample of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wm_planner.images.opencv import cv2
from wm_planner.types import RgbImage

_SAMPLES = 256
"""Largest number of rows and of columns that are sampled; a check then takes under 1 ms."""
_BLOCKS = 16
"""Rows and columns of blocks whose mean color is compared, so that noise is no color."""
_CAST = 1.25
"""Largest gain of a channel that is a cast of the whole image; more than this is color."""


@dataclass(frozen=True)
class PixelStatistics:
    """Statistics of an image; all values in [0, 1].

    Attributes:
        mean: (3,) mean of R, G and B.
        std: (3,) standard deviation of R, G and B.
        top: Largest value.
        bright: Value that 99.5 % of all values do not exceed.
        saturated: Fraction of values of 254 and 255.
        color: ``color_difference`` of the image.
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
    """Measure an image, of which only the part is given that the model sees.

    Args:
        image: (height, width, 3) uint8 RGB.
    """
    sample = _sample(image)
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
        color=color_difference(image),
    )


def color_difference(image: RgbImage) -> float:
    """Measure how colorful an image is; 0 if it is gray, with a cast or not.

    Args:
        image: (height, width, 3) uint8, in any order of the channels.

    Returns:
        Root mean square of the largest minus the smallest channel of ``_BLOCKS`` x ``_BLOCKS``
        blocks, without the image's cast, in [0, 1].
    """
    sample = np.ascontiguousarray(_sample(image), np.float32)
    area = cv2().INTER_AREA
    blocks = np.asarray(cv2().resize(sample, (_BLOCKS, _BLOCKS), interpolation=area), np.float64)
    blocks *= cast_gains(blocks.mean(axis=(0, 1)))
    return float(np.sqrt(np.mean(np.square(np.ptp(blocks, axis=-1))))) / 255.0


def cast_gains(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the gains (3,) that remove the cast of an image with such a mean (3,)."""
    return np.clip(mean.mean() / np.maximum(mean, 1e-9), 1 / _CAST, _CAST)


def _sample(image: RgbImage) -> RgbImage:
    rows, columns = (-(-side // _SAMPLES) for side in image.shape[:2])
    return image[::rows, ::columns]
