"""Decodes ``sensor_msgs/CompressedImage``: JPEG and PNG, from image_transport and from cameras.

The ``format`` string is ``ORIGINAL; CODEC compressed [STORED]`` from image_transport, or just a
codec from other publishers (``sensor_msgs/msg/CompressedImage.msg``). The codec is taken from the
bytes, which cannot be wrong about it. ``STORED`` matters: image_transport's own subscriber takes a
file that was stored as ``rgb8`` for one whose red and blue are exchanged, and so does this.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.images import codec_warnings, convert, encodings, jpeg, png
from wm_planner.images.encodings import ENCODINGS
from wm_planner.images.layout import check_size
from wm_planner.images.message import ImageMessage
from wm_planner.images.opencv import cv2
from wm_planner.images.policy import ImagePolicy
from wm_planner.images.stream import StreamError, StreamInfo

_PUBLISHER = (
    "Let the publisher send a color image as JPEG or PNG (compressed_image_transport), or raw"
)
_DAMAGED = "The frame is dropped; if it happens often, look at the camera's cable and bandwidth"


@dataclass(frozen=True)
class _Format:
    """A ``format`` string taken apart, in lower case: original encoding, and the stored order."""

    original: str
    stored: str


def to_rgb(message: ImageMessage, policy: ImagePolicy) -> NDArray[np.uint8]:
    """Decode a compressed image.

    Args:
        message: A compressed message.
        policy: Declarations about the camera.

    Returns:
        (height, width, 3) uint8 RGB, upright when the policy applies EXIF.

    Raises:
        ImageFormatError: No JPEG or PNG, damaged, too large, or not a color image.
    """
    form = _parse(message)
    data = message.data.tobytes()
    walker: ModuleType | None = next((m for m in (jpeg, png) if data.startswith(m.MAGIC)), None)
    if walker is None:
        raise _no_image(message, data)
    try:
        info: StreamInfo = walker.walk(data)
    except StreamError as error:
        remedy = _DAMAGED if error.reason == "damaged" else _PUBLISHER
        raise message.error(error.reason, str(error), remedy) from None
    message = replace(message, height=info.height, width=info.width)
    check_size(message, policy.max_pixels)
    pixels = _decode(message, data, info, policy)
    name = _name(form, pixels, lossless=walker is png)
    encoding = encodings.resolve(name, message, policy)
    check_size(message, policy.max_pixels, encoding.smallest)
    return convert.to_rgb((pixels,), encoding, policy, message)


def _parse(message: ImageMessage) -> _Format:
    original, _, rest = message.encoding.strip().lower().partition(";")
    if "compresseddepth" in message.encoding.lower():
        raise message.error(
            "depth",
            "compressedDepth is a depth image, not a color image",
            "Give the node the compressed topic of the color camera (.../image_raw/compressed)",
        )
    if not rest:
        return _Format("", "")
    if original.startswith(("32fc", "64fc")):
        raise message.error(
            "depth", "a compressed float image is depth, not a color image", _PUBLISHER
        )
    words = rest.split()
    stored = words[words.index("compressed") + 1] if "compressed" in words[:-1] else ""
    return _Format(original.strip(), stored)


def _no_image(message: ImageMessage, data: bytes) -> Exception:
    if not data:
        return message.error("length", "data is empty", _PUBLISHER)
    return message.error(
        "codec", f"data is neither JPEG nor PNG; it starts with {data[:8].hex(' ')}", _PUBLISHER
    )


def _decode(
    message: ImageMessage, data: bytes, info: StreamInfo, policy: ImagePolicy
) -> NDArray[Any]:
    """Decode to OpenCV's layout: (height, width) gray or (height, width, 3) BGR, 8 or 16 bits."""
    flags = cv2().IMREAD_ANYCOLOR | cv2().IMREAD_ANYDEPTH
    if not policy.apply_exif:
        flags |= cv2().IMREAD_IGNORE_ORIENTATION
    buffer = np.frombuffer(data, dtype=np.uint8, count=info.end)

    def work() -> NDArray[Any] | None:
        try:
            return cv2().imdecode(buffer, flags)
        except cv2().error:
            return None

    pixels, lines = codec_warnings.listen(work) if policy.strict_compressed else (work(), [])
    if pixels is None:
        raise message.error("damaged", "OpenCV cannot decode the image", _DAMAGED)
    harm = codec_warnings.damage(lines, info.padding)
    if harm:
        raise message.error("damaged", f"the image is damaged ({harm})", _DAMAGED)
    if sorted(pixels.shape[:2]) != sorted((info.height, info.width)):
        raise message.error("damaged", "the image is not of the size it announces", _DAMAGED)
    return pixels


def _name(form: _Format, pixels: NDArray[Any], lossless: bool) -> str:
    """Name the encoding of decoded pixels as they lie in memory.

    image_transport converts what it knows as a color to BGR before it compresses and says so. The
    generic types and, in PNG, Bayer patterns it compresses as they are.
    """
    bits = str(pixels.dtype.itemsize * 8)
    as_it_was = ENCODINGS.get(form.original)
    if form.original and as_it_was is None and encodings.is_matrix(form.original):
        return form.original  # no color image, whatever the file holds; it will be refused
    generic = as_it_was is not None and as_it_was.generic
    if pixels.ndim == 2:
        if lossless and not form.stored and form.original.startswith("bayer_"):
            return form.original.rstrip("0123456789") + bits
        return f"{bits}uc1" if generic else f"mono{bits}"
    if generic and not form.stored:
        return f"{bits}uc3"
    return ("rgb" if form.stored.startswith("rgb") else "bgr") + bits
