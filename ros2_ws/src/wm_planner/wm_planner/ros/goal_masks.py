"""Read the masks of a ``wm_planner_msgs/Goal``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.control import ErrorCode, Refused
from wm_planner.images import ImageFormatError, ImagePolicy, decode
from wm_planner.images.masks import MaskError, check_sizes, gray, token_weights
from wm_planner.models import ModelSpec
from wm_planner.text import quoted
from wm_planner.types import RgbImage

ENCODINGS = ("mono8", "8uc1")


def read_masks(
    what: str,
    messages: Sequence[Any],
    images: Sequence[RgbImage],
    spec: ModelSpec,
    grid: tuple[int, int],
) -> NDArray[np.float32]:
    """Return the weights of image tokens (views, rows, columns) that the masks of a goal give.

    Args:
        what: Name of the goal in errors.
        messages: ``sensor_msgs/Image`` messages.
        images: The goal's images, one for each view.
        spec: The model's spec.
        grid: Rows and columns of tokens in each view.

    Raises:
        Refused: A mask is not mono8 or cannot be decoded, or they do not fit the images.
    """
    rule = spec.image
    try:
        # Before anything large is decoded.
        sizes = [(message.height, message.width) for message in messages]
        check_sizes(sizes, [image.shape[:2] for image in images], spec.views)
        masks = [_read(what, message) for message in messages]
        return token_weights(masks, grid, rule.camera_crop, rule.fit)
    except MaskError as error:
        raise Refused(ErrorCode.INVALID_GOAL, f"the mask of the {what} {error}") from error


def _read(what: str, message: Any) -> NDArray[np.uint8]:
    encoding = str(message.encoding)
    if encoding.strip().lower() not in ENCODINGS:
        raise Refused(
            ErrorCode.INVALID_GOAL,
            f"the mask of the {what} is {quoted(encoding)}: give mono8, 255 for white",
        )
    try:
        return gray(decode(message, ImagePolicy()))
    except ImageFormatError as error:
        raise Refused(ErrorCode.IMAGE_FORMAT, f"the mask of the {what}: {error}") from error
