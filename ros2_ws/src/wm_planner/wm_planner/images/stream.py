"""What the JPEG and PNG readers tell about a compressed image before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StreamInfo:
    """Facts from the headers of a JPEG or PNG.

    Attributes:
        height: Rows [pixels], before any EXIF rotation.
        width: Columns [pixels], before any EXIF rotation.
        end: Offset behind the last byte of the image; what follows is not decoded.
        padding: Zero bytes right before the end marker of a JPEG, which some cameras add.
    """

    height: int
    width: int
    end: int
    padding: int = 0


class StreamError(Exception):
    """A compressed image that is cut short or damaged."""

    reason = "damaged"


class UnsupportedStreamError(StreamError):
    """A whole compressed image of a kind that no camera makes."""

    reason = "codec"
