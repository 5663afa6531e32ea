"""Check the sizes of an uncompressed message and view its bytes as pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wm_planner.images import pixel_size
from wm_planner.images.encodings import ENCODINGS, Encoding
from wm_planner.images.errors import number
from wm_planner.images.message import ImageMessage

MAX_PIXELS = 50_000_000
"""Largest height times width that is decoded; a few compressed bytes can announce gigabytes."""

_SMALL = 64
"""Padding below this is ordinary, whatever it is for [bytes]."""
_ALIGNMENT = 256
"""Largest power of two to which rows are padded [bytes]."""
_PERIOD = {"bay": 2, "yuv": 2, "uyv": 2, "yuy": 2}
"""Pixels after which the colors of a row repeat, by the begin of the encoding's name."""
_DRIVER = "The camera's driver sets height, width, step or data wrongly"


def view_planes(message: ImageMessage, encoding: Encoding) -> tuple[NDArray[np.generic], ...]:
    """View the pixels of a message with any row padding and byte order.

    Args:
        message: An uncompressed message.
        encoding: Its row of ``ENCODINGS``.

    Returns:
        One view of the message's bytes, (height, width) or (height, width, channels), of
        ``encoding.dtype`` in the message's byte order; rows may be padded. For two-plane YUV,
        luma (height, width) and chroma (height / rows, width / columns, 2), both uint8, with
        (rows, columns) the encoding's ``chroma_block``.

    Raises:
        ImageFormatError: Height, width, step, length and encoding contradict one another.
    """
    height, width = check_size(message, encoding.min_side)
    _check_chroma_block(message, encoding, height, width)
    if encoding.two_planes:
        return _view_two_planes(message, encoding, height, width)
    dtype = np.dtype(encoding.dtype)
    if dtype.itemsize > 1:
        dtype = dtype.newbyteorder(">" if _big_endian(message) else "<")
    pixel = encoding.channels * dtype.itemsize
    row = width * pixel
    _check_exchanged(message, pixel)
    step = _step(message, row)
    _check_length(message, step * height, step * (height - 1) + row)
    _check_pixel_size(message, encoding, width, step)
    shape = (height, width, encoding.channels)[: 2 if encoding.channels == 1 else 3]
    strides = (step, pixel, dtype.itemsize)[: len(shape)]
    return (np.ndarray(shape, dtype, buffer=message.data, strides=strides),)


def check_size(message: ImageMessage, min_side: int = 1) -> tuple[int, int]:
    """Refuse an image without pixels, or with too many.

    Args:
        message: A message with known ``height`` and ``width``.
        min_side: Smallest height and width that OpenCV converts.

    Returns:
        (height, width).

    Raises:
        ImageFormatError: The image is too small or too large.
    """
    height, width = message.height or 0, message.width or 0
    if height == 0 or width == 0:
        raise message.error("size", "the image has no pixels", _DRIVER)
    if height * width > MAX_PIXELS:
        raise message.error(
            "size",
            f"{height * width} pixels are more than the largest image decoded ({MAX_PIXELS})",
            f"{_DRIVER}, or the camera needs a lower resolution",
        )
    if min(height, width) < min_side:
        raise message.error(
            "size", f"a Bayer pattern needs at least {min_side}x{min_side} pixels", _DRIVER
        )
    return height, width


def _check_chroma_block(message: ImageMessage, encoding: Encoding, height: int, width: int) -> None:
    rows, columns = encoding.chroma_block
    if height % rows or width % columns:
        sides = "width and height" if rows > 1 else "width"
        problem = f"pixels of {encoding.name} share chroma, which needs an even {sides}"
        raise message.error("size", problem, _DRIVER)


def _big_endian(message: ImageMessage) -> bool:
    order = message.is_bigendian
    if not isinstance(order, (bool, int, np.integer, np.bool_)) or order not in (0, 1):
        raise message.error(
            "byte_order",
            "is_bigendian is neither 0 nor 1",
            "The camera's driver must set is_bigendian to the byte order of its values",
        )
    return bool(order)


def _check_exchanged(message: ImageMessage, pixel: int) -> None:
    """Name the cause if step and data fit once height and width are exchanged, and not before."""
    height, width, step = message.height or 0, message.width or 0, message.step or 0
    if height != width and step == height * pixel and message.data.size == step * width:
        raise message.error(
            "size",
            f"height and width are exchanged: step and data are those of {height}x{width} pixels",
            f"The camera's driver must set width to {height} and height to {width}",
        )


def _step(message: ImageMessage, row: int) -> int:
    step = message.step or row
    if step < row:
        raise message.error(
            "step", f"a row of this width has {row} bytes, more than the step", _DRIVER
        )
    return step


def _check_pixel_size(message: ImageMessage, encoding: Encoding, width: int, step: int) -> None:
    """Refuse a step that is the row of pixels of another size, if the data look like these."""
    own = _pixel_size(encoding)
    if step - width * own < _SMALL or _is_aligned(width * own, step, _ALIGNMENT):
        return
    others = [row for row in ENCODINGS.values() if not row.two_planes and not row.generic]
    fitting = [row for row in others if _is_aligned(width * _pixel_size(row), step, _SMALL)]
    size = pixel_size.found(
        message.data,
        step,
        width * own,
        own * _PERIOD.get(encoding.name[:3], 1),
        sorted({_pixel_size(row) for row in fitting}),
    )
    if not size:
        return
    names = [row.name for row in fitting if _pixel_size(row) == size and "bayer" not in row.name]
    raise message.error(
        "step",
        f"step and data have {size} bytes a pixel (as {' or '.join(names[:2])}), but "
        f"{encoding.name} has {own}",
        "The camera's driver sets encoding or step wrongly: let it publish the encoding of its "
        "pixels",
    )


def _pixel_size(encoding: Encoding) -> int:
    return encoding.channels * np.dtype(encoding.dtype).itemsize


def _is_aligned(row: int, step: int, most: int) -> bool:
    """Decide whether a step is a row padded to a power of two, at most ``most`` [bytes]."""
    powers = (1 << exponent for exponent in range(most.bit_length()))
    return any(step == -(-row // power) * power for power in powers)


def _check_length(message: ImageMessage, full: int, least: int) -> None:
    """Accept all rows with their padding, or all but the padding of the last row."""
    length = message.data.size
    if length in (full, least):
        return
    if length < least:
        problem = f"data is {number(least - length)} bytes short of {number(least)}"
    elif length < full:
        problem = f"data ends inside the padding of the last row ({least} or {full} bytes)"
    else:
        problem = f"data is {length - full} bytes longer than {full}"
    raise message.error("length", problem, _DRIVER)


def _view_two_planes(
    message: ImageMessage, encoding: Encoding, height: int, width: int
) -> tuple[NDArray[np.generic], ...]:
    """View the luma rows and the chroma rows behind them.

    For V4L2 and most drivers, ``step`` is the length of a luma row; a chroma row is then as long,
    or twice as long if chroma is not subsampled. Some drivers follow sensor_msgs to the letter
    (``data`` has step times height bytes) and include the chroma in ``step``. The length of
    ``data`` tells which.
    """
    rows, columns = height // encoding.chroma_block[0], width // encoding.chroma_block[1]
    tight = height * width + rows * columns * 2
    if message.data.size == tight and (message.step or 0) * height in (0, tight):
        step = width
    else:
        step = _step(message, width)
    chroma_step = step * 2 // encoding.chroma_block[1]
    start = step * height
    full = start + chroma_step * rows
    _check_length(message, full, full - chroma_step + columns * 2)
    luma = np.ndarray((height, width), np.uint8, message.data, strides=(step, 1))
    chroma = np.ndarray(
        (rows, columns, 2), np.uint8, message.data, offset=start, strides=(chroma_step, 2, 1)
    )
    return luma, chroma
