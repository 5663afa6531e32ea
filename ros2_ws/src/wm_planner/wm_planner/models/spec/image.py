"""The ``image`` section of ``model.yaml``."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.images.fit import FITS, crop_problem
from wm_planner.models.spec.errors import SpecError
from wm_planner.models.spec.numbers import check, number
from wm_planner.text import quoted


@dataclass
class ImageSpec:
    """The images that the model was trained on.

    By default the model resizes a camera image so that its short side is ``size`` (antialiased
    bilinear), crops it at the center to ``(size, size)``, scales it to [0, 1] and normalizes it
    with ``mean`` and ``std``. This is DINO-WM's transform (``datasets/img_transforms.py``).

    Attributes:
        size: Side of the square image [pixels].
        color_order: Order of the channels in training: ``rgb`` or ``bgr``.
        mean: Normalization: subtracted from each channel, in units of [0, 1].
        std: Normalization: divides each channel, in units of [0, 1].
        channel_mean: Measured mean of the training images, for R, G and B, in [0, 1]; empty if
            unknown. The camera contract compares it with live images.
        channel_std: Measured standard deviation of the training images; empty if unknown.
        camera_aspect: Width over height of the training camera's images before the crop; 0 if
            unknown.
        color_difference: Measured difference of the channels without noise and cast, in [0, 1]: 0
            if the training images were gray; -1 if unknown.
        camera_crop: The part of the camera's image that the training images show: left, top, width
            and height as shares of its width and height; empty: all of it.
        fit: What makes this part square: ``crop`` (at the center), ``squash`` (each side is resized
            by itself) or ``keep`` (nothing, for models that take other shapes).
        antialias: Whether images are resized with antialiasing.
        normalize_first: Whether they are normalized before they are resized.
    """

    size: int = number(1, 4096)
    color_order: str = "rgb"
    mean: list[float] = number(-1, 2, [0.5, 0.5, 0.5])
    std: list[float] = number(1e-3, 2, [0.5, 0.5, 0.5])
    channel_mean: list[float] = number(0, 1, [])
    channel_std: list[float] = number(0, 1, [])
    camera_aspect: float = number(0, 100, 0.0)
    color_difference: float = number(-1, 1, -1.0)
    camera_crop: list[float] = number(0, 1, [])
    fit: str = "crop"
    antialias: bool = True
    normalize_first: bool = False

    def __post_init__(self) -> None:
        check(self, "image")
        if self.color_order not in ("rgb", "bgr"):
            raise SpecError(f"image.color_order must be rgb or bgr, not {quoted(self.color_order)}")
        if len(self.mean) != 3 or len(self.std) != 3:
            raise SpecError("image.mean and image.std need three numbers each")
        for name in ("channel_mean", "channel_std"):
            values = getattr(self, name)
            if len(values) not in (0, 3):
                raise SpecError(f"image.{name} must be three numbers in [0, 1], or be left out")
        if len(self.channel_mean) != len(self.channel_std):
            raise SpecError("image.channel_mean and image.channel_std must be given together")
        if self.fit not in FITS:
            raise SpecError(f"image.fit must be one of {', '.join(FITS)}, not {quoted(self.fit)}")
        if problem := crop_problem(self.camera_crop):
            raise SpecError(f"image.camera_crop {problem}")
