"""Read an image message, or an object with the same fields, into checked values."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.images.errors import ImageFormatError
from wm_planner.message_limits import MAX_NAME
from wm_planner.text import quoted

_UINT32_MAX = 2**32 - 1
_NOT_A_MESSAGE = "Pass a sensor_msgs Image or CompressedImage, or an object with the same fields"


@dataclass(frozen=True)
class ImageMessage:
    """The fields of ``sensor_msgs/Image`` or ``CompressedImage``.

    Attributes:
        topic: Topic of the message; ``""`` if unknown.
        encoding: ``encoding``, or ``format`` of a compressed message.
        data: (length,) uint8 view of the message's bytes.
        height: Rows [pixels]; None for a compressed message.
        width: Columns [pixels]; None for a compressed message.
        step: Row length [bytes], 0 if rows are not padded; None for a compressed message.
        is_bigendian: Byte order of values longer than a byte, not yet checked.
    """

    topic: str
    encoding: str
    data: NDArray[np.uint8]
    height: int | None = None
    width: int | None = None
    step: int | None = None
    is_bigendian: Any = 0

    @property
    def compressed(self) -> bool:
        """Whether the message is a CompressedImage."""
        return self.step is None

    def error(self, reason: str, problem: str, remedy: str) -> ImageFormatError:
        """Return an error with the facts of this message."""
        return ImageFormatError(
            reason,
            problem,
            remedy,
            topic=self.topic,
            encoding=self.encoding,
            height=self.height,
            width=self.width,
            step=self.step,
            length=self.data.size,
        )


def read_message(message: object, topic: str = "") -> ImageMessage:
    """Read the fields of an Image or CompressedImage.

    Args:
        message: Any object with the fields ``height``, ``width``, ``encoding``, ``is_bigendian``,
            ``step`` and ``data``, or with ``format`` and ``data``.
        topic: Topic of the message, for errors.

    Raises:
        ImageFormatError: A field is missing, raises when read, or has an impossible type or value.
    """
    if _has(message, "encoding"):
        encoding = _text(message, "encoding", topic)
        sizes = {name: _whole(message, name, topic, encoding) for name in _SIZES}
        order = _field(message, "is_bigendian")
        return ImageMessage(
            topic, encoding, _data(message, topic, encoding, sizes), is_bigendian=order, **sizes
        )
    if _has(message, "format"):
        encoding = _text(message, "format", topic)
        return ImageMessage(topic, encoding, _data(message, topic, encoding, {}))
    raise ImageFormatError(
        "message",
        f"a {type(message).__name__} has neither an encoding nor a format",
        _NOT_A_MESSAGE,
        topic=topic,
    )


_SIZES = ("height", "width", "step")


def _field(message: object, name: str) -> Any:
    """Read a field; return None if it is missing or reading it fails."""
    try:
        return getattr(message, name, None)
    except Exception:  # a foreign property may raise anything
        return None


def _has(message: object, name: str) -> bool:
    return _field(message, name) is not None


def _text(message: object, name: str, topic: str) -> str:
    value = _field(message, name)
    if not isinstance(value, str):
        problem = f"{name} is a {type(value).__name__}, not a string"
    elif len(value) > MAX_NAME:
        problem = f"{name} has {len(value)} characters; at most {MAX_NAME} are read"
    else:
        return value
    raise ImageFormatError("message", problem, _NOT_A_MESSAGE, topic=topic)


def _whole(message: object, name: str, topic: str, encoding: str) -> int:
    value = _field(message, name)
    try:
        number = operator.index(value)
    except Exception:  # a foreign __index__ may raise anything
        number = -1
    if isinstance(value, bool) or not 0 <= number <= _UINT32_MAX:
        shown = value if isinstance(value, (int, float)) and abs(value) < 1e20 else quoted(value)
        problem = f"{name} is {shown}, not a whole number from 0 to {_UINT32_MAX}"
        raise ImageFormatError("message", problem, _NOT_A_MESSAGE, topic=topic, encoding=encoding)
    return number


def _data(message: object, topic: str, encoding: str, sizes: dict[str, int]) -> NDArray[np.uint8]:
    value = _field(message, "data")
    try:
        return _as_bytes(value)
    except Exception as error:  # buffers of foreign types may raise anything
        raise ImageFormatError(
            "data",
            f"data cannot be read as bytes: {quoted(str(error))}",
            "data must be bytes, a bytearray, array('B'), a memoryview, a uint8 array, or a list "
            "of whole numbers from 0 to 255",
            topic=topic,
            encoding=encoding,
            **sizes,
        ) from None


def _as_bytes(value: object) -> NDArray[np.uint8]:
    """View the bytes of a container; only lists, tuples and strided buffers are copied.

    Args:
        value: bytes, bytearray, ``array.array``, memoryview, ndarray, list or tuple of one-byte
            items.

    Returns:
        (length,) uint8; shares memory with ``value`` if possible.

    Raises:
        Exception: Another container, or an item that is not a byte.
    """
    if isinstance(value, (list, tuple)):
        return np.frombuffer(bytes(value), dtype=np.uint8)
    view = memoryview(value)  # type: ignore[arg-type]
    if view.itemsize != 1:
        raise TypeError(f"items have {view.itemsize} bytes, not one")
    if view.nbytes == 0:
        return np.empty(0, dtype=np.uint8)
    if not view.c_contiguous:
        return np.frombuffer(view.tobytes(), dtype=np.uint8)
    return np.frombuffer(view, dtype=np.uint8)
