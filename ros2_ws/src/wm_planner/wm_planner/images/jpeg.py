"""Read the structure of a JPEG file: its size, its kind, and whether it is complete.

ITU-T T.81 (JPEG), annex B. A JPEG without its end marker is cut short; decoders fill the missing
part with gray or black, some of them without a warning.
"""

from __future__ import annotations

import re

from wm_planner.images.file_structure import (
    DamagedFileError,
    FileStructure,
    UnsupportedFileError,
)

MAGIC = b"\xff\xd8\xff"

_END = 0xD9
_SCAN = 0xDA
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""A marker that ends the coded data; FF00 is a byte there, FFD0 to FFD7 restart, FFFF is fill."""


def read_structure(data: bytes) -> FileStructure:
    """Read size, end and padding without decoding.

    Args:
        data: A JPEG, possibly followed by other bytes.

    Raises:
        DamagedFileError: The JPEG is cut short or damaged.
        UnsupportedFileError: It is CMYK, or does not have 8 bits per value.
    """
    size: tuple[int, int] | None = None
    position = 2
    while True:
        marker, position = _next_marker(data, position)
        if marker == _END:
            break
        length = int.from_bytes(data[position : position + 2], "big")
        if length < 2 or position + length > len(data):
            raise DamagedFileError("the JPEG is cut short inside a header")
        if marker in _FRAME_HEADERS and size is None:
            size = _size(data[position + 2 : position + length])
        position += length
        if marker == _SCAN:
            position = _scan_end(data, position)
    if size is None:
        raise DamagedFileError("the JPEG contains no image")
    coded = data[: position - 2]
    return FileStructure(*size, end=position, padding=len(coded) - len(coded.rstrip(b"\x00")))


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    """Read a marker, which any number of FF bytes may precede; return it and the position after."""
    start = position
    while data[position : position + 1] == b"\xff":
        position += 1
    if position >= len(data):
        raise DamagedFileError("the JPEG is cut short")
    if position == start:
        raise DamagedFileError("the JPEG has bytes between its headers")
    return data[position], position + 1


def _size(frame_header: bytes) -> tuple[int, int]:
    if len(frame_header) < 6:
        raise DamagedFileError("the JPEG is cut short inside a header")
    precision, components = frame_header[0], frame_header[5]
    height = int.from_bytes(frame_header[1:3], "big")
    width = int.from_bytes(frame_header[3:5], "big")
    if precision != 8:
        raise UnsupportedFileError(f"the JPEG has {precision} bits per value, not 8")
    if components not in (1, 3):
        raise UnsupportedFileError(f"the JPEG has {components} components (CMYK?), not 1 or 3")
    return height, width


def _scan_end(data: bytes, position: int) -> int:
    found = _MARKER.search(data, position)
    if found is None:
        raise DamagedFileError("the JPEG is cut short: its end marker is missing")
    return found.start()
