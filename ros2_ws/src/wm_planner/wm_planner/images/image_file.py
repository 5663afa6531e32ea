"""Reads image files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from wm_planner.files.home import expanded
from wm_planner.files.regular import read_regular
from wm_planner.images import Decoded, ImageFormatError, ImagePolicy, decode_noting, jpeg, png
from wm_planner.types import RgbImage

MAX_BYTES = 2**28
"""Largest file; the largest image that is decoded fits uncompressed."""


def read_image_file(path: Path, policy: ImagePolicy | None = None) -> RgbImage:
    """Read and decode a PNG or JPEG file.

    Args:
        path: The file; ``~`` is the user's home.
        policy: What is declared about its pixels.

    Returns:
        RGB, uint8 (height, width, 3).

    Raises:
        OSError: The file cannot be read, is not a regular file, or is too large.
        ImageFormatError: The file cannot be decoded.
    """
    return read_image_noting(path, policy).image


def read_image_noting(path: Path, policy: ImagePolicy | None = None) -> Decoded:
    """Read a file as ``read_image_file`` does, and note what is irregular about it."""
    return _decode(path, read_regular(expanded(path), MAX_BYTES), policy)


def decode_file(path: Path, data: bytes, policy: ImagePolicy | None = None) -> RgbImage:
    """Decode the content of a PNG or JPEG file with the checks for a camera's message.

    Args:
        path: The file, for errors.
        data: Its content.
        policy: What is declared about its pixels.

    Returns:
        RGB, uint8 (height, width, 3).

    Raises:
        ImageFormatError: The file cannot be decoded.
    """
    return _decode(path, data, policy).image


def _decode(path: Path, data: bytes, policy: ImagePolicy | None) -> Decoded:
    form = path.suffix.lstrip(".").lower()
    if not data.startswith(png.MAGIC) and jpeg.find(data) < 0:
        # Whoever may name a file may not learn from the answer what is in it.
        problem, remedy = "the file is neither a PNG nor a JPEG image", "Give one of these"
        raise ImageFormatError("codec", problem, remedy, encoding=form)
    message = SimpleNamespace(format=form, data=data)
    return decode_noting(message, policy or ImagePolicy(), thorough=True)
