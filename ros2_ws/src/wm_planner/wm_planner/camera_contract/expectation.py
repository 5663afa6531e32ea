"""What the model's training images were like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from wm_planner.camera_contract.pixel_statistics import cast_gains
from wm_planner.images.fit import seen_part
from wm_planner.types import RgbImage

COLORFUL = 0.02
"""Images whose channels differ less [root mean square, in [0, 1]] are nearly gray."""

EXACT = 0.001
"""Difference of the channels of gray images by rounding alone."""


class TrainingImages(Protocol):
    """The fields that a spec has about its training images (``models.spec.ImageSpec``)."""

    @property
    def size(self) -> int:
        """Side of the model's square image [pixels]."""

    @property
    def channel_mean(self) -> Sequence[float]:
        """(R, G, B) mean in [0, 1]; empty if unknown."""

    @property
    def channel_std(self) -> Sequence[float]:
        """(R, G, B) standard deviation in [0, 1]; empty if unknown."""

    @property
    def camera_aspect(self) -> float:
        """Width over height of the training camera's images before cropping; 0 if unknown."""

    @property
    def color_difference(self) -> float:
        """Their ``pixel_statistics.color_difference``; -1 if unknown."""

    @property
    def camera_crop(self) -> Sequence[float]:
        """The part of the camera's image that they show; see ``ImageSpec``."""

    @property
    def fit(self) -> str:
        """What makes this part square; see ``ImageSpec``."""


@dataclass(frozen=True)
class CameraExpectation:
    """What images should be like, because the training images were.

    Attributes:
        size: Side of the model's square image [pixels].
        channel_mean: (R, G, B) mean in [0, 1]; empty if unknown.
        channel_std: (R, G, B) standard deviation in [0, 1]; empty if unknown.
        camera_aspect: Width over height of the training camera's images before cropping; 0 if
            unknown. DINO-WM's transform crops the images of every camera to squares.
        color_difference: Root mean square of ``pixel_statistics.color_difference``; 0 if the images
            were gray, -1 if unknown.
        camera_crop: The part of the camera's image that they show; see ``ImageSpec``.
        fit: What makes this part square; see ``ImageSpec``.
    """

    size: int
    channel_mean: tuple[float, ...] = ()
    channel_std: tuple[float, ...] = ()
    camera_aspect: float = 0.0
    color_difference: float = -1.0
    camera_crop: tuple[float, ...] = ()
    fit: str = "crop"

    def seen(self, image: RgbImage) -> RgbImage:
        """Return the part of an image (height, width, 3) that the model sees."""
        height, width = image.shape[:2]
        rows, columns = seen_part(height, width, self.camera_crop, self.fit)
        return image[rows, columns]

    @property
    def color(self) -> float | None:
        """``color_difference``, or the least that mean and deviation allow; None if unknown."""
        if self.color_difference >= 0:
            return self.color_difference
        if not self.channel_mean:
            return None
        moments = np.array([self.channel_mean, self.channel_std])
        channels = (moments * cast_gains(moments[0])).T.tolist()
        least = max((math.dist(c, channels[i - 1]) for i, c in enumerate(channels)))
        gray = least < EXACT  # the statistics of no color image are so alike
        return least if least >= COLORFUL or gray else None

    @classmethod
    def from_spec(cls, image: TrainingImages) -> CameraExpectation:
        """Return the expectation that a model's spec states."""
        return cls(
            size=image.size,
            channel_mean=tuple(image.channel_mean),
            channel_std=tuple(image.channel_std),
            camera_aspect=image.camera_aspect,
            color_difference=image.color_difference,
            camera_crop=tuple(image.camera_crop),
            fit=image.fit,
        )

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: The size is below one pixel, statistics are not three values in [0, 1], or
                ``camera_aspect`` is out of range.
        """
        if self.size < 1:
            raise ValueError(f"size must be at least one pixel; it is {self.size}")
        for name in ("channel_mean", "channel_std"):
            values = tuple(float(v) for v in getattr(self, name))
            if values and (len(values) != 3 or not all(0.0 <= v <= 1.0 for v in values)):
                raise ValueError(f"{name} must be three values in [0, 1]; it is {values}")
            object.__setattr__(self, name, values)
        if not 0.0 <= self.camera_aspect < 100.0:
            raise ValueError(
                f"camera_aspect is width over height, 0 to 100; it is {self.camera_aspect}"
            )
        if bool(self.channel_mean) != bool(self.channel_std):
            raise ValueError("channel_mean and channel_std must be given together or not at all")
