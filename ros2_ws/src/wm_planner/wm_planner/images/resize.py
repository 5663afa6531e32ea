"""DINO-WM's resize rule, without its normalization. Needs torch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from wm_planner.images.preprocess import resized_shape


def resize(images: Tensor, size: int) -> Tensor:
    """Resize the short side to ``size`` and crop the center.

    ``Resize(size)`` and ``CenterCrop(size)`` of torchvision (antialiased bilinear) as used in
    DINO-WM's ``datasets/img_transforms.py``, here in float32 without rounding.

    Args:
        images: uint8 or float (N, height, width, 3), values 0 to 255.
        size: Side of the result [pixels].

    Returns:
        float32 (N, 3, size, size), values 0 to 255, on the device of ``images``.

    Raises:
        ValueError: ``images`` has another shape.
    """
    if images.ndim != 4 or images.shape[-1] != 3 or 0 in images.shape:
        raise ValueError(f"images must be (N, height, width, 3), not {tuple(images.shape)}")
    height, width = images.shape[1:3]
    scaled = resized_shape(height, width, size)
    planes = images.permute(0, 3, 1, 2).to(torch.float32)
    if scaled != (height, width):
        planes = functional.interpolate(
            planes, size=scaled, mode="bilinear", align_corners=False, antialias=True
        )
    top, left = (round((side - size) / 2) for side in scaled)
    return planes[:, :, top : top + size, left : left + size]
