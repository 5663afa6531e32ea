"""The image transform that a spec describes."""

from __future__ import annotations

import torch

from wm_planner.images.preprocess import Preprocess
from wm_planner.models.spec import ImageSpec, SpecError


def preprocess_for(image: ImageSpec, device: torch.device) -> Preprocess:
    """Return the transform that turns any image into the model's input."""
    return Preprocess(
        image.size,
        image.mean,
        image.std,
        device,
        image.color_order,
        fit=image.fit,
        camera_crop=image.camera_crop,
        antialias=image.antialias,
        normalize_first=image.normalize_first,
    )


def check_square(image: ImageSpec, family: str) -> None:
    """Check that all images become square.

    Raises:
        SpecError: ``image.fit`` keeps the shape of the camera's images.
    """
    if image.fit == "keep":
        raise SpecError(f"models of family {family} take square images: image.fit cannot be keep")
