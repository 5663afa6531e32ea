"""Measure what the camera contract expects of images, on the images of a dataset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wm_planner.camera_contract.pixel_statistics import color_difference
from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.errors import DatasetError
from wm_planner.images.fit import seen_part
from wm_planner.progress import Progress, silent

EPISODES = 50
FRAMES = 10
"""Images measured per episode, evenly spread."""


@dataclass(frozen=True)
class TrainingImages:
    """Colors and shape of the images of a training: fields of ``ImageSpec``.

    Attributes:
        channel_mean: Mean of the R, G and B channel, in [0, 1].
        channel_std: Standard deviation of the same over all pixels of all images.
        camera_aspect: Width over height of the recorded images; 0 if they are square, because
            they may have been cropped before they were recorded.
        color_difference: Root mean square of the images' ``pixel_statistics.color_difference``.
    """

    channel_mean: list[float]
    channel_std: list[float]
    camera_aspect: float
    color_difference: float


def measure_training_images(
    dataset: Dataset, color_order: str = "rgb", progress: Progress = silent
) -> TrainingImages:
    """Measure the images of up to ``EPISODES`` episodes of the training part.

    Args:
        dataset: A dataset with images.
        color_order: Order of the channels on disk, ``rgb`` or ``bgr``.
        progress: Shows how far the job is.

    Raises:
        DatasetError: The dataset has no images, or they cannot be read.
    """
    count, first, second = 0, np.zeros(3), np.zeros(3)
    colors: list[float] = []
    shape = (0, 0)
    episodes = spread(len(dataset.parts["train"]), EPISODES)
    with progress("measuring the colors of the images", len(episodes)) as step:
        for index in episodes:
            images = dataset.episode(index, "train").images
            step()
            if images is None:
                continue
            some = images[spread(len(images), FRAMES)]
            colors += [color_difference(image[seen_part(*image.shape[:2])]) for image in some]
            chosen = some.reshape(-1, 3) / 255.0
            count, shape = count + len(chosen), images.shape[1:3]
            first, second = first + chosen.sum(axis=0), second + (chosen**2).sum(axis=0)
    if not count:
        raise DatasetError(f"{dataset.directory} has no images of its training episodes")
    mean = first / count
    std = np.sqrt(np.maximum(second / count - mean**2, 0.0))
    order = slice(None, None, -1 if color_order == "bgr" else 1)
    height, width = shape
    return TrainingImages(
        channel_mean=mean[order].round(4).tolist(),
        channel_std=std[order].round(4).tolist(),
        camera_aspect=0.0 if height == width else width / height,
        color_difference=round(float(np.sqrt(np.mean(np.square(colors)))), 4),
    )


def spread(length: int, count: int) -> list[int]:
    """Return up to ``count`` evenly spread indices below ``length``, with the first and last."""
    return np.unique(np.linspace(0, length - 1, min(length, count)).round().astype(int)).tolist()
