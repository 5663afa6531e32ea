"""The ``image`` section of ``model.yaml``."""

from __future__ import annotations

from dataclasses import dataclass, field

from wm_planner.models.spec.errors import SpecError


@dataclass
class ImageSpec:
    """The images that the model was trained on.

    The model resizes a camera image so that its short side is ``size`` (antialiased bilinear),
    crops it at the center to ``(size, size)``, scales it to [0, 1] and normalizes it with ``mean``
    and ``std``. This is DINO-WM's transform (``datasets/img_transforms.py``).

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
    """

    size: int
    color_order: str = "rgb"
    mean: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    std: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    channel_mean: list[float] = field(default_factory=list)
    channel_std: list[float] = field(default_factory=list)
    camera_aspect: float = 0.0

    def __post_init__(self) -> None:
        if self.size < 1:
            raise SpecError(f"image.size must be at least 1 pixel, not {self.size}")
        if self.color_order not in ("rgb", "bgr"):
            raise SpecError(f"image.color_order must be rgb or bgr, not '{self.color_order}'")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise SpecError("image.mean and image.std need three numbers each, std above zero")
        for name in ("channel_mean", "channel_std"):
            values = getattr(self, name)
            if len(values) not in (0, 3) or not all(0 <= value <= 1 for value in values):
                raise SpecError(f"image.{name} must be three numbers in [0, 1], or be left out")
        if len(self.channel_mean) != len(self.channel_std):
            raise SpecError("image.channel_mean and image.channel_std must be given together")
        if not 0 <= self.camera_aspect < 100:
            raise SpecError(
                "image.camera_aspect must be width over height, or 0 if unknown, not "
                f"{self.camera_aspect}"
            )
