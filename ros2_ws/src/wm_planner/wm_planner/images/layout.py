"""Checks an uncompressed message against its encoding and lays a view over its bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wm_planner.images.encodings import Encoding
from wm_planner.images.errors import number
from wm_planner.images.message import ImageMessage

_DRIVER = "The driver fills height, width, step or data wrongly"


def view_planes(
    message: ImageMessage, encoding: Encoding, max_pixels: int
) -> tuple[NDArray[np.generic], ...]:
    """View the pixels of a message, whatever its row padding and byte order.

    Args:
        message: An uncompressed message.
        encoding: Its row of the table.
        max_pixels: Largest height times width that is accepted.

    Returns:
        One view over the message's bytes, (height, width) or (height, width, channels), of
        ``encoding.dtype`` in the message's byte order; rows may be padded. Two-plane YUV comes as
        luma (height, width) and chroma (height / rows, width / columns, 2), uint8.

    Raises:
        ImageFormatError: Sizes, step, length and encoding contradict one another.
    """
    height, width = check_size(message, max_pixels, encoding.smallest)
    _check_shared(message, encoding, height, width)
    if encoding.two_planes:
        return _view_two_planes(message, encoding, height, width)
    dtype = np.dtype(encoding.dtype)
    if dtype.itemsize > 1:
        dtype = dtype.newbyteorder(">" if _big_endian(message) else "<")
    pixel = encoding.channels * dtype.itemsize
    row = width * pixel
    step = _step(message, row)
    _check_length(message, step * height, step * (height - 1) + row)
    shape = (height, width, encoding.channels)[: 2 if encoding.channels == 1 else 3]
    strides = (step, pixel, dtype.itemsize)[: len(shape)]
    return (np.ndarray(shape, dtype, buffer=message.data, strides=strides),)


def check_size(message: ImageMessage, max_pixels: int, smallest: int = 1) -> tuple[int, int]:
    """Refuse an image without pixels, or with too many.

    Args:
        message: A message whose ``height`` and ``width`` are known.
        max_pixels: Largest height times width that is accepted.
        smallest: Least height and width of a Bayer pattern that OpenCV converts.

    Returns:
        (height, width).

    Raises:
        ImageFormatError: The size is out of bounds.
    """
    height, width = message.height or 0, message.width or 0
    if height == 0 or width == 0:
        raise message.error("size", "the image has no pixels", _DRIVER)
    if height * width > max_pixels:
        raise message.error(
            "size",
            f"{height * width} pixels are more than max_pixels ({max_pixels})",
            f"{_DRIVER}, or max_pixels is too small for this camera",
        )
    if min(height, width) < smallest:
        raise message.error(
            "size", f"a Bayer pattern needs at least {smallest}x{smallest} pixels", _DRIVER
        )
    return height, width


def _check_shared(message: ImageMessage, encoding: Encoding, height: int, width: int) -> None:
    rows, columns = encoding.shared
    if height % rows or width % columns:
        sides = "width and height" if rows > 1 else "width"
        problem = f"{encoding.name} shares color between pixels and needs an even {sides}"
        raise message.error("size", problem, _DRIVER)


def _big_endian(message: ImageMessage) -> bool:
    order = message.is_bigendian
    if not isinstance(order, (bool, int, np.integer, np.bool_)) or order not in (0, 1):
        raise message.error(
            "byte_order",
            "is_bigendian is neither 0 nor 1",
            "The driver must say in which order the bytes of its values lie",
        )
    return bool(order)


def _step(message: ImageMessage, row: int) -> int:
    step = message.step or row
    if step < row:
        raise message.error(
            "step", f"a row of this width takes {row} bytes, more than the step", _DRIVER
        )
    return step


def _check_length(message: ImageMessage, full: int, least: int) -> None:
    """Accept all rows with their padding, or all but the padding of the last one."""
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
    """View luma rows and the chroma rows behind them.

    ``step`` is the luma row for V4L2 and every driver seen; the chroma row is then as long, or
    twice as long where chroma is not subsampled. A driver that keeps the letter of sensor_msgs
    (``data`` is step times height) counts the chroma in. The length tells the two apart.
    """
    rows, columns = height // encoding.shared[0], width // encoding.shared[1]
    tight = height * width + rows * columns * 2
    if message.data.size == tight and (message.step or 0) * height in (0, tight):
        step = width
    else:
        step = _step(message, width)
    chroma_step = step * 2 // encoding.shared[1]
    start = step * height
    full = start + chroma_step * rows
    _check_length(message, full, full - chroma_step + columns * 2)
    luma = np.ndarray((height, width), np.uint8, message.data, strides=(step, 1))
    chroma = np.ndarray(
        (rows, columns, 2), np.uint8, message.data, offset=start, strides=(chroma_step, 2, 1)
    )
    return luma, chroma
