"""Reads image files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from wm_planner.images import ImagePolicy, decode
from wm_planner.types import RgbImage


def read_image_file(path: Path, policy: ImagePolicy | None = None) -> RgbImage:
    """Decode a PNG or JPEG file with the checks for a camera's message.

    Args:
        path: The file; ``~`` is the user's home.
        policy: What is declared about its pixels.

    Returns:
        RGB, uint8 (height, width, 3).

    Raises:
        OSError: The file cannot be read.
        RuntimeError: The user whose home is named does not exist.
        ImageFormatError: The file cannot be decoded.
    """
    data = path.expanduser().read_bytes()
    message = SimpleNamespace(format=path.suffix.lstrip(".").lower(), data=data)
    return decode(message, policy or ImagePolicy())
