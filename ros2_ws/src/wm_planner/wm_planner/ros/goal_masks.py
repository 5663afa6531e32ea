"""Read the masks of a ``wm_planner_msgs/Goal``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wm_planner.control import ErrorCode, Refused
from wm_planner.images import ImageFormatError, ImagePolicy, decode
from wm_planner.images.masks import MaskError, checked_masks, gray
from wm_planner.models import ModelSpec
from wm_planner.text import quoted
from wm_planner.types import Mask, RgbImage

ENCODINGS = ("mono8", "8uc1")


def read_masks(
    what: str, messages: Sequence[Any], images: Sequence[RgbImage], spec: ModelSpec
) -> tuple[Mask, ...]:
    """Return the masks of a goal; none if they are white.

    Args:
        what: Name of the goal in errors.
        messages: ``sensor_msgs/Image`` messages, at most ``MAX_VIEWS``.
        images: The goal's images, one for each view.
        spec: The model's spec.

    Raises:
        Refused: A mask is not mono8 or cannot be decoded, or they do not fit the images.
    """
    image = spec.image
    masks = [_read(what, message) for message in messages]
    try:
        return checked_masks(masks, images, spec.views, image.camera_crop, image.fit)
    except MaskError as error:
        raise Refused(ErrorCode.INVALID_GOAL, f"the {what} {error}") from error


def _read(what: str, message: Any) -> Mask:
    encoding = str(message.encoding)
    if encoding.strip().lower() not in ENCODINGS:
        raise Refused(
            ErrorCode.INVALID_GOAL,
            f"the {what} has a mask of encoding {quoted(encoding)}: give mono8, 255 for white",
        )
    try:
        return gray(decode(message, ImagePolicy()))
    except ImageFormatError as error:
        raise Refused(ErrorCode.IMAGE_FORMAT, f"a mask of the {what}: {error}") from error
