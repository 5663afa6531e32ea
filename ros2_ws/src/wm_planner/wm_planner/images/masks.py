"""Turn the masks of a goal into weights of image tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wm_planner.images.fit import seen_part
from wm_planner.images.opencv import cv2
from wm_planner.types import RgbImage

LEAST = 0.5
"""Weight that at least one token must have. Weights are divided by their mean, so the noise of a
nearly black mask would count as much as an object."""


class MaskError(ValueError):
    """A mask that cannot be used: what is wrong with it and what to do."""


def gray(image: RgbImage) -> NDArray[np.uint8]:
    """Return the one channel (height, width) of an image that was read from a gray one.

    Raises:
        MaskError: It has colors.
    """
    if (image != image[..., :1]).any():
        raise MaskError("has colors: it must be gray, white where the goal counts")
    return np.ascontiguousarray(image[..., 0])


def check_sizes(
    masks: Sequence[tuple[int, int]], images: Sequence[tuple[int, int]], views: Sequence[str]
) -> None:
    """Check that there is a mask of the size of its image for each view.

    Args:
        masks: (height, width) of each mask.
        images: (height, width) of each of the goal's images.
        views: Names of the views.

    Raises:
        MaskError: There is not.
    """
    if not len(masks) == len(images) == len(views):
        raise MaskError(
            f"must be one image for each view ({', '.join(views)}), not {len(masks)}: give a white "
            "one for a view that counts wholly"
        )
    for view, mask, image in zip(views, masks, images, strict=True):
        if mask != image:
            raise MaskError(
                f"has {mask[1]}x{mask[0]} pixels for view {view}, but the goal image "
                f"{image[1]}x{image[0]}: give a mask of the same size"
            )


def token_weights(
    masks: Sequence[NDArray[np.uint8]],
    grid: tuple[int, int],
    camera_crop: Sequence[float] = (),
    fit: str = "crop",
) -> NDArray[np.float32]:
    """Return how much each token counts: how white its part of the mask is on average.

    Args:
        masks: One (height, width) for each view, of the size of its image; 255 is white.
        grid: Rows and columns of tokens.
        camera_crop: Which part of the images the model sees, see ``Preprocess``.
        fit: What makes it square, see ``Preprocess``.

    Returns:
        (views, rows, columns) in [0, 1].

    Raises:
        MaskError: No token counts by half.
    """
    rows, columns = grid
    weights = np.empty((len(masks), rows, columns), np.float32)
    for view, mask in enumerate(masks):
        height, width = mask.shape
        seen = np.ascontiguousarray(mask[seen_part(height, width, camera_crop, fit)])
        resized = cv2().resize(seen, (columns, rows), interpolation=cv2().INTER_AREA)
        weights[view] = resized.astype(np.float32) / 255
    if weights.max() < LEAST:
        raise MaskError(
            f"has no part that is white enough: the model compares {rows} x {columns} parts of the "
            "image, and at least one of them must be half white (255) on average. Draw white what "
            "must look as in the goal image"
        )
    return weights
