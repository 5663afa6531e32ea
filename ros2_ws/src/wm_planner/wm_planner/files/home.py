"""Paths that begin with ``~``."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def expanded(path: str | Path) -> Path:
    """Return a path with the home directory for ``~``, or that of a user for ``~user``.

    Raises:
        FileNotFoundError: Nothing says where that is: no such user, or no ``HOME``.
    """
    given = os.fspath(path)
    found = os.path.expanduser(given)
    if found == given and given.startswith("~"):
        raise FileNotFoundError(errno.ENOENT, "its home directory is not known", given)
    return Path(found)
