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


def camera_part(height: int, width: int, camera_crop: Sequence[float]) -> tuple[slice, slice]:
    """Return the rows and columns of an image that ``camera_crop`` names, at least one of each."""
    if not camera_crop:
        return slice(0, height), slice(0, width)
    left, top, wide, high = camera_crop
    return _pixels(top, high, height), _pixels(left, wide, width)


def seen_part(
    height: int, width: int, camera_crop: Sequence[float] = (), fit: str = "crop"
) -> tuple[slice, slice]:
    """Return the rows and columns of a camera's image that a model sees."""
    rows, columns = camera_part(height, width, camera_crop)
    if fit != "crop":
        return rows, columns
    side = min(rows.stop - rows.start, columns.stop - columns.start)
    return _middle(rows, side), _middle(columns, side)


def _pixels(first: float, share: float, side: int) -> slice:
    start = min(round(first * side), side - 1)
    return slice(start, max(round((first + share) * side), start + 1))


def _middle(pixels: slice, side: int) -> slice:
    start = pixels.start + (pixels.stop - pixels.start - side) // 2
    return slice(start, start + side)
