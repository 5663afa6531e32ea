"""Read the structure of a JPEG file: its size, its kind, and whether it is complete.

ITU-T T.81 (JPEG), annex B. Cheap cameras put stray bytes before markers, or leave the end marker
out. Such a file is put in order here as far as its headers go; ``jpeg_scan.py`` decides about the
coded data.
"""

from __future__ import annotations

import re

from wm_planner.images.file_structure import (
    DamagedFileError,
    FileStructure,
    UnsupportedFileError,
    too_short,
)

MAGIC = b"\xff\xd8\xff"
END = b"\xff\xd9"
NO_END = "its end marker is missing"

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_LEAD = 16
"""Most bytes before the start marker: a line end or length that a network camera sends."""
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without content."""
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_DENSEST = {False: 256, True: 512}
"""Most pixels in a byte of Huffman codes: 8x8 of them in 2 bits, or in 1 if progressive."""
_FEW = 2**20 // 3
"""Pixels that no file is too short for; their RGB takes 1 MiB."""
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""A marker that ends the coded data; FF00 is a byte there, FFD0 to FFD7 restart, FFFF is fill."""
_MARKER = re.compile(rb"\xff[^\x00\xff]")
"""Any marker; libjpeg skips what stands before it, too."""


def find(data: bytes) -> int:
    """Return where a JPEG begins, -1 if ``data`` is none."""
    begin = data.find(MAGIC[:2], 0, _LEAD)
    return begin if begin >= 0 and _MARKER.search(data, begin + 2, begin + 2 + _LEAD) else -1


def read_structure(data: bytes) -> FileStructure:
    """Read the size without decoding, and put the headers in order.

    Args:
        data: A JPEG from its start marker on, possibly followed by other bytes.

    Raises:
        DamagedFileError: The JPEG is cut short or damaged.
        UnsupportedFileError: It is CMYK, or does not have 8 bits per value.
    """
    size: tuple[int, int] | None = None
    progressive = False
    position, strays, scanned, parts = 2, 0, False, [data[:2]]
    while True:
        marker, position, skipped = _next_marker(data, position)
        strays += skipped
        if marker == _END or (marker == _START and scanned):
            break
        if marker in _BARE:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        if marker == _START or length < 2 or position + length > len(data):
            raise DamagedFileError("the JPEG is cut short inside a header")
        segment = data[position : position + length]
        parts.append(bytes((0xFF, marker)) + segment)
        if marker in _FRAME_HEADERS and size is None:
            size, progressive = _size(segment[2:]), marker in _PROGRESSIVE
        position += length
        if marker == _SCAN:
            scanned = True
            found = _AFTER_SCAN.search(data, position)
            end = found.start() if found else len(data)
            parts.append(data[position:end])
            position = end
            if not found:
                break
    if size is None:
        raise DamagedFileError("the JPEG contains no image")
    if size[0] * size[1] > _FEW + _DENSEST[progressive] * len(data):
        raise DamagedFileError(too_short("JPEG", size, len(data)))
    facts = [f"{strays} bytes between its headers"] if strays else []
    facts += [NO_END] if marker != _END else []
    return FileStructure(*size, b"".join([*parts, END]), " and ".join(facts))


def _next_marker(data: bytes, position: int) -> tuple[int, int, int]:
    """Return a marker, the position after it, and the number of stray bytes before it."""
    found = _MARKER.search(data, position)
    if found is None:
        raise DamagedFileError("the JPEG is cut short")
    skipped = data[position : found.start()].rstrip(b"\xff")
    return found[0][1], found.end(), len(skipped)


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
