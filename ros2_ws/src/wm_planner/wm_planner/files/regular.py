"""Open files that somebody else named, without trusting what the name leads to.

A path may lead to a directory, to a named pipe (opening it waits for a writer), to a device
(opening it may act), or to a file of any size. A file of ``/proc`` says it is empty and is not.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


ANY_SIZE = 2**63


def open_regular(path: str | Path, most: int = ANY_SIZE) -> BinaryIO:
    """Open a regular file for reading.

    Args:
        path: The file; a symbolic link counts as what it leads to.
        most: Largest size of the file [bytes].

    Raises:
        OSError: There is no such file, it may not be read, is not a regular file, or is larger.
    """
    path = _possible(path)
    _check(path, os.stat(path), most)  # before opening, because opening a device may act
    # The path may lead elsewhere by now, so that opening must not wait.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        _check(path, os.fstat(descriptor), most)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def check_regular(path: str | Path, most: int = ANY_SIZE) -> None:
    """Check a file that a library will open by its path.

    Raises:
        OSError: As ``open_regular``.
    """
    open_regular(path, most).close()


def read_regular(path: str | Path, most: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: As ``open_regular``, or its size is not what the file system says.
    """
    with open_regular(path, most) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(size + 1)
    if len(data) != size:
        raise OSError(errno.EIO, "its size is not what the file system says", str(path))
    return data


def append_regular(path: str | Path) -> int:
    """Open a regular file to append to it, and make it if there is none; return its descriptor.

    Raises:
        OSError: It cannot be written, or is not a regular file.
    """
    path = _possible(path)
    with contextlib.suppress(FileNotFoundError):
        _check(path, os.stat(path), ANY_SIZE)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, 0o644)
    try:
        _check(path, os.fstat(descriptor), ANY_SIZE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _possible(path: str | Path) -> Path:
    """Return the path, or raise OSError if no file can have it."""
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "a path cannot have a null byte", str(path).replace("\0", "?"))
    return Path(path)


def _check(path: Path, status: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for test, name in _KINDS if test(status.st_mode)), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
    if status.st_size > most:
        raise OSError(
            errno.EFBIG, f"it has {status.st_size} bytes, at most {most} are read", str(path)
        )
