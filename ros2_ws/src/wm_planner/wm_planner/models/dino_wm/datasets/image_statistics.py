"""What the camera contract needs to know about the images of a data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wm_planner.models.dino_wm.datasets.data import Data
from wm_planner.models.dino_wm.datasets.files import DataError

EPISODES = 50
FRAMES = 10
"""Images measured per episode, evenly spread."""


@dataclass(frozen=True)
class ImageStatistics:
    """Fields of ``ImageSpec``.

    Attributes:
        channel_mean: Mean per recorded channel, in [0, 1], in R, G, B order where the data is RGB.
        channel_std: Standard deviation over all pixels of all images.
        camera_aspect: Width over height of the recorded images; 0 where they are square, as
            these may have been cropped before they were recorded.
    """

    channel_mean: list[float]
    channel_std: list[float]
    camera_aspect: float


def image_statistics(data: Data, color_order: str = "rgb") -> ImageStatistics:
    """Measure the images of up to ``EPISODES`` episodes of the training part.

    Args:
        data: A data set with images.
        color_order: Order of the channels on disk, ``rgb`` or ``bgr``.

    Raises:
        DataError: The data set has no images, or they cannot be read.
    """
    count, first, second = 0, np.zeros(3), np.zeros(3)
    shape = (0, 0)
    for index in spread(len(data.parts["train"]), EPISODES):
        images = data.episode(index, "train").images
        if images is None:
            continue
        chosen = images[spread(len(images), FRAMES)].reshape(-1, 3) / 255.0
        count, shape = count + len(chosen), images.shape[1:3]
        first, second = first + chosen.sum(axis=0), second + (chosen**2).sum(axis=0)
    if not count:
        raise DataError(f"{data.directory} has no images of its training episodes")
    mean = first / count
    std = np.sqrt(np.maximum(second / count - mean**2, 0.0))
    order = slice(None, None, -1 if color_order == "bgr" else 1)
    height, width = shape
    return ImageStatistics(
        channel_mean=mean[order].round(4).tolist(),
        channel_std=std[order].round(4).tolist(),
        camera_aspect=0.0 if height == width else width / height,
    )


def spread(length: int, count: int) -> list[int]:
    """Up to ``count`` indices below ``length``, evenly spread, the first and last among them."""
    return np.unique(np.linspace(0, length - 1, min(length, count)).round().astype(int)).tolist()
