"""Convert pixels to RGB with OpenCV; used for what cv_bridge does not convert (``bridge.py``).

YUV is taken as ITU-R BT.601 in the limited range (luma 16 to 235), as OpenCV's ``cvtColor`` and
cv_bridge take it. 16 bits become 8 by rounding v * 255 / (2^bits - 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.images.encodings import Encoding
from wm_planner.images.message import ImageMessage
from wm_planner.images.opencv import cv2
from wm_planner.images.policy import ImagePolicy

_DOUBTFUL_BITS = 14
"""Values that fit into so many bits may be those of a camera with fewer than 16."""
_FLOAT_SLACK = 1e-3
"""Distance from its range that a value of a float image may have by rounding [of the range]."""


def to_rgb(
    planes: tuple[NDArray[np.generic], ...],
    encoding: Encoding,
    policy: ImagePolicy,
    message: ImageMessage,
) -> NDArray[np.uint8]:
    """Convert pixels to RGB.

    Args:
        planes: Views of the pixels, as ``planes.view_planes`` returns them.
        encoding: The image's row of ``ENCODINGS``, as ``encodings.resolve`` returns it.
        policy: Bit depth and float range.
        message: The message of the pixels, for errors.

    Returns:
        (height, width, 3) uint8, C-contiguous, sharing no memory with ``planes``.

    Raises:
        ImageFormatError: Values contradict the declared bit depth or range.
    """
    if encoding.two_planes:
        return _two_planes(planes[0], planes[1], encoding)
    pixels = _native(planes[0])
    code = encoding.code
    if pixels.dtype == np.uint16:
        # Bayer patterns are interpolated before the bits are reduced, as cv_bridge does.
        if code.startswith("Bayer"):
            pixels, code = _color(pixels, code), ""
        pixels = _from_uint16(pixels, policy, message)
    elif pixels.dtype != np.uint8:
        pixels = _from_float(pixels, policy, message)
    return _color(pixels, code)


def check_bit_depth(
    pixels: NDArray[np.generic], policy: ImagePolicy, message: ImageMessage
) -> None:
    """Refuse 16-bit values of which none is large, if nothing is declared about their bits.

    Values of 10, 12 or 14 bits at the lower end of 16 look like a dark image. At the upper end they
    need no declaration.

    Raises:
        ImageFormatError: All values fit into ``_DOUBTFUL_BITS``.
    """
    if pixels.dtype.newbyteorder("=") != np.uint16 or policy.bit_depth:
        return
    top = int((pixels[..., :3] if pixels.ndim == 3 else pixels).max())  # without alpha
    if top < 1 << _DOUBTFUL_BITS:
        bits = max(8, top.bit_length() + top.bit_length() % 2)
        raise message.error(
            "bit_depth",
            f"no value exceeds {top} of 65535: these are {bits} bits in 16, or the image is dark",
            f"Set bit_depth to the bits of the camera ({bits}?); if it uses all 16, set it to 16, "
            "and check lens cap, light and exposure",
        )


def _native(pixels: NDArray[np.generic]) -> NDArray[Any]:
    """Return aligned values in native byte order, copied only if necessary."""
    return np.require(pixels, pixels.dtype.newbyteorder("="), "A")


def _color(pixels: NDArray[Any], code: str) -> NDArray[Any]:
    if not code:
        return np.array(pixels, order="C") if not pixels.flags.owndata else pixels
    return np.asarray(cv2().cvtColor(pixels, getattr(cv2(), f"COLOR_{code}")))


def _from_uint16(
    pixels: NDArray[np.uint16], policy: ImagePolicy, message: ImageMessage
) -> NDArray[np.uint8]:
    bits = policy.bit_depth or 16
    full = 2**bits - 1
    if bits < 16 and (top := int(pixels.max())) > full:
        raise message.error(
            "bit_depth",
            f"the value {top} does not fit the declared bit_depth of {bits}",
            "Set bit_depth to the camera's, or to 16 if the camera uses the upper bits",
        )
    return np.asarray(cv2().convertScaleAbs(pixels, alpha=255.0 / full))


def _from_float(
    pixels: NDArray[np.floating], policy: ImagePolicy, message: ImageMessage
) -> NDArray[np.uint8]:
    full = policy.float_max
    low, high = float(pixels.min()), float(pixels.max())  # both are NaN if any value is
    slack = _FLOAT_SLACK * full
    if not (low >= -slack and high <= full + slack):
        raise message.error(
            "float_range",
            f"values from {low:g} to {high:g} do not lie in the declared {policy.float_range}",
            "Set float_range to the range of this camera's images; if the values are meters, NaN "
            "or infinity, this is a depth topic: choose the color topic",
        )
    return np.asarray(cv2().convertScaleAbs(np.clip(pixels, 0, full), alpha=255.0 / full))


def _two_planes(luma: NDArray[Any], chroma: NDArray[Any], encoding: Encoding) -> NDArray[np.uint8]:
    if encoding.chroma_block != (1, 1):
        code = getattr(cv2(), f"COLOR_{encoding.code}")
        return np.asarray(cv2().cvtColorTwoPlane(luma, chroma, code))
    return _nv24(luma, chroma)


def _nv24(luma: NDArray[Any], chroma: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert nv24, which OpenCV has no code for, with the arithmetic of OpenCV's UYVY.

    Every pixel is doubled into one U Y V Y quadruple, converted, and every second pixel taken.
    """
    height, width = luma.shape
    quadruples = np.empty((height, width, 4), dtype=np.uint8)
    cv2().mixChannels([luma, chroma], [quadruples], [1, 0, 0, 1, 2, 2, 0, 3])
    doubled = cv2().cvtColor(quadruples.reshape(height, 2 * width, 2), cv2().COLOR_YUV2RGB_UYVY)
    rgb = np.empty((height, width, 3), dtype=np.uint8)
    cv2().mixChannels([doubled.reshape(height, width, 6)], [rgb], [0, 0, 1, 1, 2, 2])
    return rgb
