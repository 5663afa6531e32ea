"""What can be read from a JPEG or PNG file without decoding its pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileStructure:
    """Size and extent of the image in a JPEG or PNG file.

    Attributes:
        height: Rows [pixels], before any EXIF rotation.
        width: Columns [pixels], before any EXIF rotation.
        end: Offset of the first byte after the image; bytes from there on are ignored.
        padding: Number of zero bytes right before the end marker of a JPEG, which some cameras
            write.
    """

    height: int
    width: int
    end: int
    padding: int = 0


class DamagedFileError(Exception):
    """A JPEG or PNG that is cut short or damaged."""

    reason = "damaged"


class UnsupportedFileError(DamagedFileError):
    """An undamaged JPEG or PNG of a kind that is not decoded."""

    reason = "codec"
