"""Decode ``sensor_msgs/CompressedImage``: JPEG and PNG.

image_transport writes ``ORIGINAL; CODEC compressed [STORED]`` into ``format``, other publishers
often just a codec (``sensor_msgs/msg/CompressedImage.msg``). The codec is read from the data.
``STORED`` matters: image_transport's own subscriber exchanges red and blue of a file that was
stored as ``rgb8``, and so does this module.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.images import codec_warnings, color_conversion, encodings, jpeg, jpeg_scan, png
from wm_planner.images.encodings import ENCODINGS
from wm_planner.images.errors import ImageFormatError
from wm_planner.images.file_structure import DamagedFileError, FileStructure
from wm_planner.images.message import ImageMessage
from wm_planner.images.opencv import cv2
from wm_planner.images.planes import check_size
from wm_planner.images.policy import ImagePolicy

_PUBLISHER = (
    "Let the publisher send a color image as JPEG or PNG (compressed_image_transport), or raw"
)
_DAMAGED = "The image is dropped; if this happens often, check the camera's cable and bandwidth"


class _StrayBytesError(Exception):
    """libjpeg reports stray bytes, or coded data that are left over after damage."""


@dataclass(frozen=True)
class _Format:
    """The parts of a ``format`` string in lower case; ``""`` if a part is missing.

    Attributes:
        original: Encoding of the raw image before compression.
        stored: Encoding in which image_transport stored the file.
    """

    original: str
    stored: str


def to_rgb(
    message: ImageMessage, policy: ImagePolicy, *, thorough: bool = False
) -> tuple[NDArray[np.uint8], str]:
    """Decode a compressed image.

    Args:
        message: A compressed message.
        policy: What the user declares about the camera.
        thorough: Search a JPEG for stray bytes even if libjpeg reports none; it reports those of a
            few bytes only now and then.

    Returns:
        (height, width, 3) uint8 RGB, turned upright as its EXIF orientation says; and what is
        irregular about a JPEG that lost no pixel, for a sentence, or ``""``.

    Raises:
        ImageFormatError: The data are not JPEG or PNG, damaged, too large, or not a color image.
    """
    form = _parse_format(message)
    data = message.data.tobytes()
    lossless, begin = data.startswith(png.MAGIC), jpeg.find(data)
    if not lossless and begin < 0:
        raise _unknown_codec(message, data)
    try:
        structure = png.read_structure(data) if lossless else jpeg.read_structure(data[begin:])
    except DamagedFileError as error:
        remedy = _DAMAGED if error.reason == "damaged" else _PUBLISHER
        raise message.error(error.reason, str(error), remedy) from None
    message = replace(message, height=structure.height, width=structure.width)
    check_size(message)
    if lossless:
        pixels, irregular = _decode(message, structure), ""
    else:
        pixels, irregular = _decode_jpeg(message, structure, thorough=thorough)
    name = _encoding_name(form, pixels, lossless=lossless)
    encoding = encodings.resolve(name, message, policy)
    check_size(message, encoding.min_side)
    color_conversion.check_bit_depth(pixels, policy, message)
    return color_conversion.to_rgb((pixels,), encoding, policy, message), irregular


def _parse_format(message: ImageMessage) -> _Format:
    original, _, rest = message.encoding.strip().lower().partition(";")
    if "compresseddepth" in message.encoding.lower():
        raise message.error(
            "depth",
            "compressedDepth is a depth image, not a color image",
            "Remap the node to the compressed topic of the color camera (.../image_raw/compressed)",
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


def _unknown_codec(message: ImageMessage, data: bytes) -> ImageFormatError:
    if not data:
        return message.error("length", "data is empty", _PUBLISHER)
    return message.error(
        "codec", f"data is neither JPEG nor PNG; it starts with {data[:8].hex(' ')}", _PUBLISHER
    )


def _decode_jpeg(
    message: ImageMessage, structure: FileStructure, *, thorough: bool
) -> tuple[NDArray[Any], str]:
    """Decode a JPEG without its stray bytes; return what is irregular as well."""
    facts = [structure.irregular] if structure.irregular else []
    # Coded data hardly end with two zeros, but those of a buffer that was not filled do.
    doubtful = bool(facts) or structure.data.endswith(b"\0\0" + jpeg.END)
    try:
        if not doubtful and not thorough:
            return _decode(message, structure), ""
    except _StrayBytesError:
        thorough = False  # now it is the reader of the coded data that decides
    try:
        clean, strays = jpeg_scan.without_stray_bytes(structure.data)
    except DamagedFileError as error:
        if doubtful or not thorough:
            raise message.error("damaged", str(error), _DAMAGED) from None
        return _decode(message, structure), ""  # libjpeg reports nothing, or raises
    facts += [f"{strays} bytes before restart or end markers"] if strays else []
    try:
        pixels = _decode(message, replace(structure, data=clean))
    except _StrayBytesError as error:
        raise message.error("damaged", str(error), _DAMAGED) from None
    return pixels, " and ".join(facts)


def _decode(message: ImageMessage, structure: FileStructure) -> NDArray[Any]:
    """Decode to OpenCV's layout: (height, width) gray or (height, width, 3) BGR, 8 or 16 bits.

    Raises:
        _StrayBytesError: libjpeg reports stray bytes first, and no later warning.
        ImageFormatError: The image is damaged.
    """
    buffer = np.frombuffer(structure.data, dtype=np.uint8)

    def decode() -> NDArray[Any] | None:
        try:
            return cv2().imdecode(buffer, cv2().IMREAD_ANYCOLOR | cv2().IMREAD_ANYDEPTH)
        except cv2().error:
            return None

    pixels, lines = codec_warnings.capture(decode)
    if pixels is None:
        raise message.error("damaged", "OpenCV cannot decode the image", _DAMAGED)
    if warning := codec_warnings.damage(lines):
        raise message.error("damaged", f"the image is damaged ({warning})", _DAMAGED)
    if warning := codec_warnings.stray_bytes(lines):
        raise _StrayBytesError(f"the image is damaged ({warning})")
    if sorted(pixels.shape[:2]) != sorted((structure.height, structure.width)):
        raise message.error("damaged", "the image does not have the size in its header", _DAMAGED)
    return pixels


def _encoding_name(form: _Format, pixels: NDArray[Any], lossless: bool) -> str:
    """Name the encoding of decoded pixels as they lie in memory.

    image_transport converts the color encodings to BGR before it compresses them, and writes so
    into ``format``. It compresses the generic types and, as PNG, Bayer patterns unconverted.
    """
    bits = str(pixels.dtype.itemsize * 8)
    original = ENCODINGS.get(form.original)
    if form.original and original is None and encodings.is_matrix(form.original):
        return form.original  # not a color image, so encodings.resolve refuses it
    generic = original is not None and original.generic
    if pixels.ndim == 2:
        if lossless and not form.stored and form.original.startswith("bayer_"):
            return form.original.rstrip("0123456789") + bits
        return f"{bits}uc1" if generic else f"mono{bits}"
    if generic and not form.stored:
        return f"{bits}uc3"
    return ("rgb" if form.stored.startswith("rgb") else "bgr") + bits
