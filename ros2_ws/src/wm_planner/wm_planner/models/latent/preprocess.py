"""Camera images to the encoder's input: DINO-WM's resize rule."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def resize(images: Tensor, size: int) -> Tensor:
    """Resizes the short side to ``size`` and crops the center, as DINO-WM's transform does.

    ``Resize(size)`` and ``CenterCrop(size)`` of torchvision (antialiased bilinear) as used in
    DINO-WM's ``datasets/img_transforms.py``, here in float32 without rounding.

    Args:
        images: uint8 or float (N, height, width, 3), values 0 to 255.
        size: Side of the result [pixels].

    Returns:
        float32 (N, 3, size, size), values 0 to 255.

    Raises:
        ValueError: ``images`` has another shape.
    """
    if images.ndim != 4 or images.shape[-1] != 3 or 0 in images.shape:
        raise ValueError(f"images must be (N, height, width, 3), not {tuple(images.shape)}")
    height, width = images.shape[1:3]
    short = min(height, width)
    scaled = (int(size * height / short), int(size * width / short))
    planes = images.permute(0, 3, 1, 2).to(torch.float32)
    if scaled != (height, width):
        planes = functional.interpolate(
            planes, size=scaled, mode="bilinear", align_corners=False, antialias=True
        )
    top, left = (round((scaled[0] - size) / 2), round((scaled[1] - size) / 2))
    return planes[:, :, top : top + size, left : left + size]
