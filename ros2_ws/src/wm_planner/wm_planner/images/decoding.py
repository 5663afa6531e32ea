"""Decode an image message to RGB."""

from __future__ import annotations

from dataclasses import dataclass

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
_IRREGULAR = (
    "the camera's JPEGs are irregular ({}); as far as can be told no pixel is lost and the images "
    "are used, but reading them takes several times as long, so plans come from older images, and "
    "other programs may refuse them: look for a newer driver or firmware, or use raw images or a "
    "lower resolution"
)


@dataclass(frozen=True)
class Decoded:
    """A decoded message.

    Attributes:
        image: (height, width, 3) uint8 RGB, as ``decode`` returns it.
        irregular: What is irregular about the message although no pixel is lost, for a sentence;
            empty if nothing is.
    """

    image: NDArray[np.uint8]
    irregular: str = ""

    @property
    def sentence(self) -> str:
        """What is irregular, what follows and what to do, as a sentence; empty if nothing is."""
        return _IRREGULAR.format(self.irregular) if self.irregular else ""


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
    return decode_noting(message, policy, topic).image


def decode_noting(
    message: object, policy: ImagePolicy, topic: str = "", *, thorough: bool = False
) -> Decoded:
    """Decode an image message as ``decode`` does, and note what is irregular about it.

    Args:
        message: See ``decode``.
        policy: See ``decode``.
        topic: See ``decode``.
        thorough: Search a JPEG for the few stray bytes that libjpeg skips without a word; takes
            several times as long.

    Raises:
        ImageFormatError: See ``decode``.
    """
    image = read_message(message, topic)
    try:
        pixels, irregular = _decode(image, policy, thorough=thorough)
        return Decoded(_owned(pixels), irregular)
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


def _decode(
    message: ImageMessage, policy: ImagePolicy, *, thorough: bool
) -> tuple[NDArray[np.uint8], str]:
    if message.compressed:
        return compressed.to_rgb(message, policy, thorough=thorough)
    encoding = encodings.resolve(message.encoding, message, policy)
    planes = view_planes(message, encoding)
    color_conversion.check_bit_depth(planes[0], policy, message)
    rgb = bridge.to_rgb(planes[0], encoding, policy)
    if rgb is not None:
        return rgb, ""
    return color_conversion.to_rgb(planes, encoding, policy, message), ""


def _owned(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Copy an array that is a view, read-only or not contiguous."""
    flags = rgb.flags
    as_promised = flags.owndata and flags.c_contiguous and flags.writeable
    return rgb if as_promised else np.array(rgb, order="C")
