"""Open a safetensors file that somebody else named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import safe_open

from wm_planner.files.regular import check_regular


@contextmanager
def open_safetensors(path: Path) -> Iterator[Any]:
    """Open a file, of which only the header is read yet; the library compares it with the size.

    Raises:
        OSError: The file cannot be read, or is no regular file.
        SafetensorError: It is damaged.
    """
    check_regular(path)
    with safe_open(path, framework="pt") as file:
        yield file
