"""Read the structure of a PNG file: its size, and whether every chunk's checksum is right.

PNG specification (ISO/IEC 15948), clauses 5 and 11. Every chunk carries a CRC-32, so that damage is
found here before libpng reports it on stderr.
"""

from __future__ import annotations

import struct
import zlib

from wm_planner.images.file_structure import DamagedFileError, FileStructure, too_short

MAGIC = b"\x89PNG\r\n\x1a\n"

_CHUNK_OVERHEAD = 12
"""Bytes of a chunk besides its data: length, type and CRC."""
_TEXT = len(MAGIC) + _CHUNK_OVERHEAD + 13
"""Where the first chunk after the header begins."""
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Values of a pixel, by color type."""
_DEFLATE = 1032
"""Most bytes that deflate packs into one."""


def read_structure(data: bytes) -> FileStructure:
    """Read the size and verify all checksums, without decoding.

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
            bits = view[position + 16] * _CHANNELS.get(view[position + 17], 0)
            if height * width * bits > 8 * _DEFLATE * len(data):
                raise DamagedFileError(too_short("PNG", size, len(data)))
        position = end
        if kind == b"IEND":
            return FileStructure(*size, data[:position])


def add_text(data: bytes, keyword: str, text: str) -> bytes:
    """Return a PNG with a text (``tEXt``) right after its header.

    Args:
        data: A PNG.
        keyword: Name of the text, 1 to 79 characters of Latin-1.
        text: Latin-1.
    """
    content = b"tEXt" + keyword.encode("latin1") + b"\0" + text.encode("latin1")
    size, checksum = struct.pack(">I", len(content) - 4), struct.pack(">I", zlib.crc32(content))
    return data[:_TEXT] + size + content + checksum + data[_TEXT:]


def read_text(data: bytes, keyword: str) -> str | None:
    """Return the text that ``add_text`` added, or None if there is none."""
    size = int.from_bytes(data[_TEXT : _TEXT + 4], "big")
    start = b"tEXt" + keyword.encode("latin1") + b"\0"
    content = data[_TEXT + 4 : _TEXT + 8 + size]
    if not (data.startswith(MAGIC) and content.startswith(start)):
        return None
    return content[len(start) :].decode("latin1")
