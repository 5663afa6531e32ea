"""What can be read from a JPEG or PNG file without decoding its pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileStructure:
    """Size and content of the image in a JPEG or PNG file.

    Attributes:
        height: Rows [pixels], before any EXIF rotation.
        width: Columns [pixels], before any EXIF rotation.
        data: The file without what stands before, after and between its parts.
        irregular: What was left out of a JPEG although a regular one has nothing there, or what
            was added, for a sentence; empty if nothing was.
    """

    height: int
    width: int
    data: bytes
    irregular: str = ""


def too_short(kind: str, size: tuple[int, int], length: int) -> str:
    """Say that a file cannot hold the pixels that it announces, so they need not be decoded.

    Args:
        kind: JPEG or PNG.
        size: (height, width) [pixels].
        length: Length of the file [bytes].
    """
    return (
        f"the {kind} is cut short: {length} bytes cannot hold {size[1]}x{size[0]} pixels, the size "
        "in its header"
    )


class DamagedFileError(Exception):
    """A JPEG or PNG that is cut short or damaged."""

    reason = "damaged"


class UnsupportedFileError(DamagedFileError):
    """An undamaged JPEG or PNG of a kind that is not decoded."""

    reason = "codec"
