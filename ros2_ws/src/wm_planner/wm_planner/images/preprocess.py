"""Turn images into the input of a model, as in its training: DINO-WM's transform.

``datasets/img_transforms.py`` of gaoyuezhou/dino_wm composes torchvision's ``Resize(S)``,
``CenterCrop(S)`` and ``Normalize(mean, std)`` on float tensors divided by 255; torchvision resizes
tensors with ``interpolate(mode="bilinear", align_corners=False, antialias=True)``. This module does
the same without torchvision, with equal bits on the CPU. The encoder's own resize (224 to 196 for
DINOv2) belongs to the model.

Needs torch, unlike the rest of ``wm_planner.images``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate


class Preprocess:
    """DINO-WM's image transform for uint8 images."""

    def __init__(
        self,
        size: int = 224,
        mean: Sequence[float] = (0.5, 0.5, 0.5),
        std: Sequence[float] = (0.5, 0.5, 0.5),
        device: str | torch.device = "cpu",
        color_order: str = "rgb",
    ) -> None:
        """Set up the transform of one model.

        Args:
            size: Side of the model's square image [pixels].
            mean: Subtracted from each of the model's channels, whose values are in [0, 1].
            std: Divides each of the model's channels.
            device: Device of the result; images are moved there as bytes.
            color_order: ``"rgb"`` or ``"bgr"``: channel order of the training images.

        Raises:
            ValueError: ``size`` is below one, ``mean`` or ``std`` does not have three values, a
                value of ``std`` is not positive, or ``color_order`` is unknown.
        """
        if size < 1:
            raise ValueError(f"size must be at least one pixel; it is {size}")
        if len(mean) != 3 or len(std) != 3 or not all(s > 0 for s in std):
            raise ValueError(f"mean and std need three values, std positive: {mean}, {std}")
        if color_order not in ("rgb", "bgr"):
            raise ValueError(f"color_order must be rgb or bgr; it is {color_order!r}")
        self.size = size
        self.device = torch.device(device)
        self._swap = color_order == "bgr"
        self._mean = torch.tensor(mean, dtype=torch.float32, device=self.device).view(3, 1, 1)
        self._std = torch.tensor(std, dtype=torch.float32, device=self.device).view(3, 1, 1)

    @torch.inference_mode()
    def __call__(self, images: torch.Tensor | NDArray[np.uint8]) -> torch.Tensor:
        """Transform images.

        Args:
            images: (B, T, H, W, 3) uint8 RGB, of any size.

        Returns:
            (B, T, 3, size, size) float32 on the device, contiguous.

        Raises:
            ValueError: Another shape or dtype. Floats are refused, because dividing images in
                [0, 1] by 255 again would turn them black.
        """
        pixels = self._pixels(images)
        batch, steps = pixels.shape[:2]
        frames = pixels.flatten(0, 1).permute(0, 3, 1, 2)
        resized = self._resize_and_crop(frames)
        if self._swap:
            resized = resized.flip(1)
        normalized = (resized - self._mean).div_(self._std)
        return normalized.reshape(batch, steps, 3, self.size, self.size).contiguous()

    def _pixels(self, images: torch.Tensor | NDArray[np.uint8]) -> torch.Tensor:
        if isinstance(images, np.ndarray):
            images = torch.from_numpy(images if images.flags.writeable else images.copy())
        if images.dtype != torch.uint8:
            raise ValueError(f"images must be uint8 in [0, 255]; they are {images.dtype}")
        if images.ndim != 5 or images.shape[-1] != 3 or 0 in images.shape:
            raise ValueError(f"images must be (B, T, H, W, 3); they are {tuple(images.shape)}")
        return images.to(self.device)

    def _resize_and_crop(self, frames: torch.Tensor) -> torch.Tensor:
        """Turn (N, 3, H, W) uint8 into (N, 3, S, S) float32 in [0, 1]."""
        height, width = frames.shape[-2:]
        rows, columns = resized_shape(height, width, self.size)
        top = round((rows - self.size) / 2.0)  # halves go to the even number, as in torchvision
        left = round((columns - self.size) / 2.0)
        # One copy, divided in place: two copies cost twice as much on large images.
        floats = frames.to(torch.float32, memory_format=torch.contiguous_format).div_(255.0)
        if (rows, columns) != (height, width):
            floats = interpolate(
                floats, size=(rows, columns), mode="bilinear", align_corners=False, antialias=True
            )
        return floats[..., top : top + self.size, left : left + self.size]


def resized_shape(height: int, width: int, size: int) -> tuple[int, int]:
    """Return torchvision's size after ``Resize(size)``: the short side becomes ``size``.

    Returns:
        (rows, columns); the long side is rounded down.
    """
    if width <= height:
        return int(size * height / width), size
    return size, int(size * width / height)
