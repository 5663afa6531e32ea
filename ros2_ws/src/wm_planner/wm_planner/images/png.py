"""Walks a PNG from chunk to chunk: its size, and whether every byte is as it was sent.

PNG specification (ISO/IEC 15948), clauses 5 and 11. Every chunk carries a CRC-32, so damage is
found here, before libpng writes its complaint to stderr.
"""

from __future__ import annotations

import zlib

from wm_planner.images.stream import StreamError, StreamInfo

MAGIC = b"\x89PNG\r\n\x1a\n"

_FRAME = 12
"""Bytes of a chunk beside its data: length, type, CRC."""


def walk(data: bytes) -> StreamInfo:
    """Read size and completeness without decoding.

    Args:
        data: A PNG, perhaps followed by other bytes.

    Raises:
        StreamError: Cut short or damaged.
    """
    position = len(MAGIC)
    size: tuple[int, int] | None = None
    view = memoryview(data)
    while True:
        length = int.from_bytes(view[position : position + 4], "big")
        end = position + _FRAME + length
        if end > len(data):
            raise StreamError("the PNG is cut short")
        kind = bytes(view[position + 4 : position + 8])
        crc = int.from_bytes(view[end - 4 : end], "big")
        if zlib.crc32(view[position + 4 : end - 4]) != crc:
            raise StreamError("the PNG is damaged: a checksum does not match")
        if size is None:
            if kind != b"IHDR" or length != 13:
                raise StreamError("the PNG has no header")
            width = int.from_bytes(view[position + 8 : position + 12], "big")
            height = int.from_bytes(view[position + 12 : position + 16], "big")
            size = (height, width)
        position = end
        if kind == b"IEND":
            return StreamInfo(*size, end=position)
