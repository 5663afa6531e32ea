"""Check the masks of a goal against its images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wm_planner.images.fit import seen_part
from wm_planner.types import Mask, RgbImage


class MaskError(ValueError):
    """A mask that cannot be used: what is wrong with it and what to do."""


def gray(image: RgbImage) -> Mask:
    """Return the one channel of an image that was read from a gray file.

    Raises:
        MaskError: It has colors.
    """
    if (image != image[..., :1]).any():
        raise MaskError("has colors: it must be gray, white where the goal counts")
    return np.ascontiguousarray(image[..., 0])


def checked_masks(
    masks: Sequence[Mask],
    images: Sequence[RgbImage],
    views: Sequence[str],
    camera_crop: Sequence[float] = (),
    fit: str = "crop",
) -> tuple[Mask, ...]:
    """Return the masks of a goal, or none if they are white, which is the same.

    Args:
        masks: As they were given.
        images: The goal's images, one for each view.
        views: Names of the views.
        camera_crop: Which part of the images the model sees, see ``Preprocess``.
        fit: What makes it square, see ``Preprocess``.

    Raises:
        MaskError: There are more or fewer masks than views, one has not the size of its image, or
            they are black in all of what the model sees.
    """
    if len(masks) != len(images):
        raise MaskError(
            f"needs a mask for each view ({', '.join(views)}), not {len(masks)}: give a white one "
            "for a view that counts wholly"
        )
    counts = False
    for view, mask, image in zip(views, masks, images, strict=True):
        (rows, columns), (height, width) = mask.shape, image.shape[:2]
        if (rows, columns) != (height, width):
            raise MaskError(
                f"has a mask of {columns}x{rows} pixels for {view}, whose image has "
                f"{width}x{height}: give one of the same size"
            )
        counts |= bool(mask[seen_part(height, width, camera_crop, fit)].any())
    if not counts:
        raise MaskError(
            "has masks that are black in all of what the model sees, so that nothing counts: draw "
            "white what must look as in the goal image"
        )
    return () if all((mask == 255).all() for mask in masks) else tuple(masks)
