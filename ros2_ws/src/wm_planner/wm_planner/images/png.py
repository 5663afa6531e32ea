"""Read the structure of a PNG file: its size, and whether every chunk's checksum is right.

PNG specification (ISO/IEC 15948), clauses 5 and 11. Every chunk carries a CRC-32, so that damage is
found here before libpng reports it on stderr.
"""

from __future__ import annotations

import zlib

from wm_planner.images.file_structure import DamagedFileError, FileStructure

MAGIC = b"\x89PNG\r\n\x1a\n"

_CHUNK_OVERHEAD = 12
"""Bytes of a chunk besides its data: length, type and CRC."""


def read_structure(data: bytes) -> FileStructure:
    """Read size and end, and verify all checksums, without decoding.

    Args:
        data: A PNG, possibly followed by other bytes.

    Raises:
        DamagedFileError: The PNG is cut short or damaged.
    """
    position = len(MAGIC)
    size: tuple[int, int] | None = None
    view = memoryview(data)
    while True:
        length = int.from_bytes(view[position : position + 4], "big")
        end = position + _CHUNK_OVERHEAD + length
        if end > len(data):
            raise DamagedFileError("the PNG is cut short")
        kind = bytes(view[position + 4 : position + 8])
        crc = int.from_bytes(view[end - 4 : end], "big")
        if zlib.crc32(view[position + 4 : end - 4]) != crc:
            raise DamagedFileError("the PNG is damaged: a checksum does not match")
        if size is None:
            if kind != b"IHDR" or length != 13:
                raise DamagedFileError("the PNG has no header")
            width = int.from_bytes(view[position + 8 : position + 12], "big")
            height = int.from_bytes(view[position + 12 : position + 16], "big")
            size = (height, width)
        position = end
        if kind == b"IEND":
            return FileStructure(*size, end=position)
