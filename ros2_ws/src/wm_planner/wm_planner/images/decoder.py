"""From an image message to the pixels a model was trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wm_planner.images import bridge, compressed, convert, encodings, layout
from wm_planner.images.errors import ImageFormatError, shorten
from wm_planner.images.message import ImageMessage, read
from wm_planner.images.opencv import OpenCVMissingError
from wm_planner.images.policy import ImagePolicy

_DEFAULT = ImagePolicy()


def decode(message: object, policy: ImagePolicy = _DEFAULT, topic: str = "") -> NDArray[np.uint8]:
    """Decode an image message, or say exactly why not.

    Args:
        message: A ``sensor_msgs`` Image or CompressedImage, or any object shaped like one.
        policy: What the user declares about the camera.
        topic: Where the message came from; it appears in errors, and a one-channel image on a
            topic named after depth or segmentation is refused.

    Returns:
        (height, width, 3) uint8 RGB, C-contiguous, writable, sharing no memory with the message.

    Raises:
        ImageFormatError: The message contradicts itself, is damaged, is no color image, or
            leaves open what the policy does not declare. Nothing else is raised for any message.
    """
    read_message = read(message, topic)
    try:
        return _owned(_decode(read_message, policy))
    except ImageFormatError:
        raise
    except OpenCVMissingError as error:
        raise read_message.error("opencv", "OpenCV is missing", str(error)) from error
    except Exception as error:  # the promise above holds for faults nobody has foreseen, too
        raise read_message.error(
            "conversion",
            f"the conversion failed with {type(error).__name__}: {shorten(str(error))}",
            "Please report this message; the image is dropped",
        ) from error


def _decode(message: ImageMessage, policy: ImagePolicy) -> NDArray[np.uint8]:
    if message.compressed:
        return compressed.to_rgb(message, policy)
    encoding = encodings.resolve(message.encoding, message, policy)
    planes = layout.view_planes(message, encoding, policy.max_pixels)
    if policy.converter == "auto" and bridge.trusted(encoding, policy):
        rgb = bridge.to_rgb(planes[0], encoding)
        if rgb is not None:
            return rgb
    return convert.to_rgb(planes, encoding, policy, message)


def _owned(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Copy what is a view of the message, or not laid out as promised."""
    flags = rgb.flags
    as_promised = flags.owndata and flags.c_contiguous and flags.writeable
    return rgb if as_promised else np.array(rgb, order="C")
