"""Open HDF5 files that somebody else made: only plain, bounded datasets of the file itself."""

from __future__ import annotations

import contextlib
import importlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wm_planner.datasets.errors import DatasetError
from wm_planner.files.regular import check_regular

MAX_CHUNK = 1_000_000_000
"""Most bytes of a compressed part of a dataset, which is unpacked whole."""


@contextlib.contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open a file for reading: a ``h5py.File``.

    Filters of the package ``hdf5plugin`` (Blosc, Zstandard) can be read if it is installed.

    Raises:
        DatasetError: h5py is not installed, or the file cannot be read as HDF5.
    """
    h5py = library(path)
    with contextlib.suppress(ImportError):
        importlib.import_module("hdf5plugin")
    try:
        check_regular(path)
        with h5py.File(path, "r") as content:
            yield content
    except OSError as error:
        raise DatasetError(f"{path} cannot be read as HDF5: {_reason(error)}") from error


def library(path: Path) -> Any:
    """Return the package h5py, which is loaded on first use.

    Raises:
        DatasetError: It is not installed; ``path`` is the file that needs it.
    """
    try:
        return importlib.import_module("h5py")
    except ImportError as error:
        raise DatasetError(
            f"{path} is an HDF5 file, and h5py is not installed: install it (pip install h5py)"
        ) from error


def plain_dataset(content: Any, name: str, kinds: str) -> Any:
    """Return a dataset of an open file, unread.

    Args:
        content: The file.
        name: Name of the dataset.
        kinds: NumPy's letters of the types that it may have, e.g. ``f`` and ``iu``.

    Raises:
        KeyError: There is none of this name.
        ValueError: It lies in another file (which HDF5 would open), is no array of such numbers, or
            is compressed in parts that are too large.
    """
    h5py = importlib.import_module("h5py")
    link = content.get(name, getlink=True)  # an external link would open another file
    if link is None:
        raise KeyError(name)
    if not isinstance(link, h5py.HardLink):
        raise ValueError(f"{name} is a link")
    data = content[name]
    if not isinstance(data, h5py.Dataset) or data.is_virtual or data.external:
        raise ValueError(f"{name} is no dataset of this file")
    if data.size is None or data.dtype.kind not in kinds:
        raise ValueError(f"{name} is no array of numbers")
    if data.chunks and math.prod(data.chunks) * data.dtype.itemsize > MAX_CHUNK:
        raise ValueError(f"{name} is stored in parts of more than {MAX_CHUNK / 1e9:g} GB")
    return data


def _reason(error: OSError) -> str:
    text = error.strerror or str(error)
    if "filter" in text or "plugin" in text:
        return f"{text}; its data are compressed by a filter: install hdf5plugin"
    return text
