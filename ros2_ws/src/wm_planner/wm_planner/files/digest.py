"""SHA-256 digests of files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from wm_planner.files.regular import open_regular


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        OSError: The file cannot be read, or is no regular file.
    """
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def files_sha256(root: Path, files: Iterable[Path]) -> str:
    """Return the SHA-256 of what ``sha256sum FILES`` prints in ``root``, files sorted by name."""
    names = sorted(file.relative_to(root).as_posix() for file in files)
    lines = [f"{file_sha256(root / name)}  {name}\n" for name in names]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
