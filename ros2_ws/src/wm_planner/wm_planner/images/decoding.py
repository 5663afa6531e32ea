"""Decode an image message to RGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wm_planner.images import bridge, color_conversion, compressed, encodings
from wm_planner.images.errors import ImageFormatError
from wm_planner.images.message import ImageMessage, read_message
from wm_planner.images.opencv import OpenCVMissingError
from wm_planner.images.planes import view_planes
from wm_planner.images.policy import ImagePolicy
from wm_planner.text import quoted

_DEFAULT = ImagePolicy()


def decode(message: object, policy: ImagePolicy = _DEFAULT, topic: str = "") -> NDArray[np.uint8]:
    """Decode an image message.

    Args:
        message: A ``sensor_msgs`` Image or CompressedImage, or any object with the same fields.
        policy: What the user declares about the camera.
        topic: Topic of the message, for errors. A one-channel image is refused if its topic is
            named after depth or segmentation.

    Returns:
        (height, width, 3) uint8 RGB, C-contiguous, writable, sharing no memory with the message.

    Raises:
        ImageFormatError: The message contradicts itself, is damaged, is not a color image, or
            needs a declaration that the policy does not make. No message raises anything else.
    """
    image = read_message(message, topic)
    try:
        return _owned(_decode(image, policy))
    except ImageFormatError:
        raise
    except OpenCVMissingError as error:
        raise image.error("opencv", "OpenCV is missing", str(error)) from error
    except Exception as error:  # a defect of the conversion must not reach the caller either
        raise image.error(
            "conversion",
            f"the conversion failed with {type(error).__name__}: {quoted(str(error))}",
            "The image is dropped. Please report this message as a defect of wm_planner",
        ) from error


def _decode(message: ImageMessage, policy: ImagePolicy) -> NDArray[np.uint8]:
    if message.compressed:
        return compressed.to_rgb(message, policy)
    encoding = encodings.resolve(message.encoding, message, policy)
    planes = view_planes(message, encoding)
    rgb = bridge.to_rgb(planes[0], encoding, policy)
    if rgb is not None:
        return rgb
    return color_conversion.to_rgb(planes, encoding, policy, message)


def _owned(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Copy an array that is a view, read-only or not contiguous."""
    flags = rgb.flags
    as_promised = flags.owndata and flags.c_contiguous and flags.writeable
    return rgb if as_promised else np.array(rgb, order="C")
