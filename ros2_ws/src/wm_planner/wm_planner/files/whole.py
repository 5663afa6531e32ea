"""Write files so that they appear whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

ABANDONED = 86_400.0
"""Age at which what is being written has been abandoned [s]; the next writer removes it."""
PARTIAL = ".partial"
"""Part of the names of files and directories that are being written."""


def write_whole(path: str | Path, data: bytes | str) -> None:
    """Write a file in one step: under its name there is the old content, or the new one.

    Raises:
        OSError: It cannot be written; the old content is unchanged, and no other file is left.
    """
    with whole_file(path) as partial:
        partial.write_bytes(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give the name under which to write a file; at the end it gets its own name.

    If the block raises, or the process is killed, the file of this name stays as it was.

    Raises:
        OSError: The file cannot be written, or a folder or a device such as /dev/null is there.
    """
    path = Path(path).resolve()  # what a symbolic link leads to is replaced, not the link
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "What is there is no ordinary file", str(path))
    partial = _partial(path)
    try:
        yield partial
        with contextlib.suppress(FileNotFoundError):
            partial.chmod(stat.S_IMODE(path.stat().st_mode))
        _to_disk(partial)
        os.replace(partial, path)
        with contextlib.suppress(OSError):  # the new one is there; a power cut may undo it
            _to_disk(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_directory(path: str | Path) -> Iterator[Path]:
    """Give a new, empty directory; at the end it gets its own name, under which nothing may be.

    Raises:
        OSError: The directory cannot be made, or its name is taken.
    """
    path = Path(path)
    partial = _partial(path)
    partial.mkdir()
    try:
        yield partial
        for file in partial.rglob("*"):
            if file.is_file():
                _to_disk(file)
        os.rename(partial, path)  # replaces an empty directory only
        with contextlib.suppress(OSError):  # the new one is there; a power cut may undo it
            _to_disk(path.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _partial(path: Path) -> Path:
    """Return a name beside a path, for no other writer: hidden, and of bounded length."""
    name = os.fsdecode(os.fsencode(path.name)[:100])
    for old in path.parent.glob(f".{glob.escape(name)}.????????{PARTIAL}"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > ABANDONED:  # its writer was killed
                shutil.rmtree(old) if old.is_dir() else old.unlink()
    return path.with_name(f".{name}.{secrets.token_hex(4)}{PARTIAL}")


def _to_disk(path: Path) -> None:
    """Wait until a file or directory is on the disk, so that a power cut loses nothing."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
