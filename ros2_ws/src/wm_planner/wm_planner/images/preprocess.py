"""Images to the model's input, exactly as in training: DINO-WM's transform.

``datasets/img_transforms.py`` of gaoyuezhou/dino_wm composes torchvision's ``Resize(S)``,
``CenterCrop(S)`` and ``Normalize(mean, std)`` on float tensors divided by 255; torchvision resizes
tensors with ``interpolate(mode="bilinear", align_corners=False, antialias=True)``. Restated here
without torchvision, with equal bits on the CPU. The encoder's own resize (224 to 196 for DINOv2)
belongs to the model.

Needs torch, unlike the rest of ``wm_planner.images``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

_BAND = 48
"""Rows that are resized at a time on the CPU: a band of floats stays in the cache."""


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
            mean: Subtracted from each of the model's channels, of values in [0, 1].
            std: Divides each of the model's channels.
            device: Where the result is wanted; the bytes go there before they become floats.
            color_order: ``"rgb"`` or ``"bgr"``: channel order of the training images.

        Raises:
            ValueError: A size below one, not three means and deviations, a deviation that is not
                positive, or an unknown order.
        """
        if size < 1:
            raise ValueError(f"size must be at least one pixel; it is {size}")
        if len(mean) != 3 or len(std) != 3 or not all(s > 0 for s in std):
            raise ValueError(f"mean and std need three values, std positive: {mean}, {std}")
        if color_order not in ("rgb", "bgr"):
            raise ValueError(f"color_order must be rgb or bgr; it is {color_order!r}")
        self.size = size
        self.device = torch.device(device)
        self._in_bands = self.device.type == "cpu"
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
            ValueError: Another shape or type. Floats are refused: training divides by 255, and
                images already in [0, 1] would come out as black without a word.
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
        """Bring (N, 3, H, W) uint8 to (N, 3, S, S) float32 in [0, 1]."""
        height, width = frames.shape[-2:]
        rows, columns = resized_shape(height, width, self.size)
        top = round((rows - self.size) / 2.0)  # halves go to the even number, as in torchvision
        left = round((columns - self.size) / 2.0)
        square = (..., slice(top, top + self.size), slice(left, left + self.size))
        if (rows, columns) == (height, width):
            return frames[square].contiguous() / 255.0
        if not self._in_bands:
            return _resize(frames.contiguous() / 255.0, rows, columns)[square]
        # torch resizes along the width first, then along the height. Its two passes are called one
        # by one: bands of rows stay in the cache, and what is cropped is not resized twice.
        needed = _needed_columns(width, columns, left + self.size)
        narrow = torch.empty(len(frames), 3, height, self.size)
        for start in range(0, height, _BAND):
            band = frames[:, :, start : start + _BAND, :needed].contiguous() / 255.0
            resized = _narrow(band, width, columns)
            narrow[:, :, start : start + _BAND] = resized[..., left : left + self.size]
        return _resize(narrow, rows, self.size)[:, :, top : top + self.size]


def resized_shape(height: int, width: int, size: int) -> tuple[int, int]:
    """Compute torchvision's size after ``Resize(size)``: the short side becomes ``size``.

    Returns:
        (rows, columns); the long side is rounded down.
    """
    if width <= height:
        return int(size * height / width), size
    return size, int(size * width / height)


def _resize(images: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    return interpolate(
        images, size=(rows, columns), mode="bilinear", align_corners=False, antialias=True
    )


def _needed_columns(width: int, columns: int, wanted: int) -> int:
    """Count the input columns that the first ``wanted`` output columns depend on.

    All of them, where the scale cannot be given to torch with the very bits it would compute, or
    where torch would copy because input and output are equally wide.
    """
    scale = width / columns
    exact = np.float32(1.0 / (columns / width)) == np.float32(width) / np.float32(columns)
    needed = math.ceil(scale * (wanted + 0.5) + max(scale, 1.0)) + 2
    if not exact or needed >= width or int(needed * (columns / width)) == needed:
        return width
    return needed


def _narrow(band: torch.Tensor, width: int, columns: int) -> torch.Tensor:
    """Resize along the width, as if the band still had all ``width`` columns of its image."""
    if band.shape[-1] == width:
        return _resize(band, band.shape[-2], columns)
    scale = (1.0, columns / width)
    return interpolate(
        band, scale_factor=scale, mode="bilinear", align_corners=False, antialias=True
    )
