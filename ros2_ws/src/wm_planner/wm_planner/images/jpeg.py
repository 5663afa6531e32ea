"""Walks a JPEG from marker to marker: its size, its kind, and whether it is all there.

ITU-T T.81 (JPEG), annex B. An image that ends without its end marker is cut short; decoders show
the missing part gray or black, some without a word.
"""

from __future__ import annotations

import re

from wm_planner.images.stream import StreamError, StreamInfo, UnsupportedStreamError

MAGIC = b"\xff\xd8\xff"

_END = 0xD9
_SCAN = 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""In coded data FF00 is a byte, FFD0 to FFD7 restart, FFFF fill; anything else ends the scan."""


def walk(data: bytes) -> StreamInfo:
    """Read size and completeness without decoding.

    Args:
        data: A JPEG, perhaps followed by other bytes.

    Raises:
        StreamError: Cut short or damaged.
        UnsupportedStreamError: CMYK, or not 8 bits a value.
    """
    frame: tuple[int, int] | None = None
    position = 2
    while True:
        marker, position = _next_marker(data, position)
        if marker == _END:
            break
        length = int.from_bytes(data[position : position + 2], "big")
        if length < 2 or position + length > len(data):
            raise StreamError("the JPEG is cut short inside a header")
        if marker in _FRAMES and frame is None:
            frame = _frame(data[position + 2 : position + length])
        position += length
        if marker == _SCAN:
            position = _scan_end(data, position)
    if frame is None:
        raise StreamError("the JPEG has no image in it")
    coded = data[: position - 2]
    return StreamInfo(*frame, end=position, padding=len(coded) - len(coded.rstrip(b"\x00")))


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    """Read a marker; any number of FF bytes may fill the space before it."""
    start = position
    while data[position : position + 1] == b"\xff":
        position += 1
    if position >= len(data):
        raise StreamError("the JPEG is cut short")
    if position == start:
        raise StreamError("the JPEG has bytes between its headers")
    return data[position], position + 1


def _frame(segment: bytes) -> tuple[int, int]:
    if len(segment) < 6:
        raise StreamError("the JPEG is cut short inside a header")
    precision, components = segment[0], segment[5]
    height = int.from_bytes(segment[1:3], "big")
    width = int.from_bytes(segment[3:5], "big")
    if precision != 8:
        raise UnsupportedStreamError(f"the JPEG has {precision} bits a value, not 8")
    if components not in (1, 3):
        raise UnsupportedStreamError(f"the JPEG has {components} components (CMYK?), not 1 or 3")
    return height, width


def _scan_end(data: bytes, position: int) -> int:
    found = _MARKER.search(data, position)
    if found is None:
        raise StreamError("the JPEG is cut short: its end marker is missing")
    return found.start()
