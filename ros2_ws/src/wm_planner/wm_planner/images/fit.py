"""What part of a camera's image a model sees, and what makes it square."""

from __future__ import annotations

from collections.abc import Sequence

FITS = ("crop", "squash", "keep")
"""See ``Preprocess``."""


def crop_problem(camera_crop: Sequence[float]) -> str:
    """Say why four shares are no part of an image; empty if they are, or if there are none."""
    if not camera_crop:
        return ""
    if len(camera_crop) != 4:
        return f"needs left, top, width and height, or nothing, not {len(camera_crop)} numbers"
    left, top, width, height = camera_crop
    inside = left >= 0 and top >= 0 and left + width <= 1 + 1e-9 and top + height <= 1 + 1e-9
    if not (inside and width > 0 and height > 0):
        return (
            f"is left {left:g}, top {top:g}, width {width:g}, height {height:g}: the part must lie "
            "in the image, from 0 to 1"
        )
    return ""
