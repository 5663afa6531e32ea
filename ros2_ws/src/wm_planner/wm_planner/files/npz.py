"""Read arrays from an ``.npz`` file without believing the sizes that it claims."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.files.errors import FileFormatError
from wm_planner.files.regular import ANY_SIZE, open_regular

_FORMAT = np.lib.format
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_RATIO = 1100
"""Deflate packs at most 1032 bytes into one (zlib, "Technical Details")."""


def read_npz(path: str | Path, most: int = ANY_SIZE) -> dict[str, NDArray[Any]]:
    """Return the arrays of an ``.npz`` file by name.

    ``np.load`` takes the memory that an entry or an array claims before it looks what is there.

    Args:
        path: The file.
        most: Most bytes of all arrays together; they never have more than the file, unpacked.

    Raises:
        FileFormatError: It is damaged, holds something else than arrays of numbers or texts, or
            more than ``most``; the message does not name the file.
        OSError: The file cannot be read, or is no regular file.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check_sizes(entries, file.seek(0, io.SEEK_END), most)
            return {e.filename.removesuffix(".npy"): _array(archive, e) for e in entries}
    except (FileFormatError, OSError):
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise FileFormatError(f"it is no .npz, or is cut short or damaged ({error})") from error
    except Exception as error:  # NumPy reads a header as Python, which may raise anything
        raise FileFormatError("it holds something else than arrays of numbers or texts") from error


def _check_sizes(entries: Sequence[zipfile.ZipInfo], size: int, most: int) -> None:
    packed = sum(entry.compress_size for entry in entries)
    unpacked = sum(entry.file_size for entry in entries)
    if any(entry.compress_type not in _METHODS for entry in entries):
        raise FileFormatError("its entries are packed in a way that NumPy does not use")
    if packed > size or unpacked > packed * _RATIO:
        raise FileFormatError("its entries claim more bytes than it has")
    if unpacked > most:
        raise FileFormatError(f"its arrays have {unpacked} bytes; at most {most} are read")


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(entry) as file:
        data = io.BytesIO(file.read(entry.file_size))
    version = _FORMAT.read_magic(data)
    readers = {(1, 0): _FORMAT.read_array_header_1_0, (2, 0): _FORMAT.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"{entry.filename} has an unknown format")
    shape, _, dtype = readers[version](data)
    if math.prod(shape) * max(dtype.itemsize, 1) > len(data.getbuffer()) - data.tell():
        raise FileFormatError(f"{entry.filename} is shorter than it says")
    data.seek(0)
    array: NDArray[Any] = _FORMAT.read_array(data, allow_pickle=False)
    return array
