"""Read the files of a data set without running what is in them, and digest them."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor


class DataError(ValueError):
    """A data set is missing, unreadable or not laid out as its kind demands."""


def load_tensor(path: Path) -> Tensor:
    """A tensor saved with ``torch.save``, mapped into memory where the file allows it.

    Raises:
        DataError: The file is missing, damaged, holds no tensor, or holds objects whose reading
            would run code.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing: give the directory of the training's data set")
    try:
        mapped = zipfile.is_zipfile(path)
        value = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{path} holds more than plain tensors, and reading it could run code: save the "
            "tensor itself with torch.save"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} is damaged, or is no file of torch.save: copy it again") from error
    if isinstance(value, list | tuple):
        return _tensor(path, value)
    if not isinstance(value, Tensor):
        raise DataError(f"{path} holds a {type(value).__name__} where a tensor is needed")
    return value


def load_lengths(path: Path) -> list[int]:
    """Episode lengths from a ``.pth`` tensor or a pickled list (pusht's ``seq_lengths.pkl``).

    Raises:
        DataError: The file is missing, damaged, or is no list of positive whole numbers.
    """
    if path.suffix == ".pth":
        values: Any = load_tensor(path).tolist()
    else:
        values = _load_plain_pickle(path)
    if not isinstance(values, list | tuple) or not all(
        isinstance(value, int) and not isinstance(value, bool) and value > 0 for value in values
    ):
        raise DataError(f"{path} must be a list of positive whole numbers, one per episode")
    return list(values)


def digest(root: Path, files: Iterable[Path]) -> str:
    """SHA-256 of what ``sha256sum FILES`` prints, run in ``root`` with the files sorted by name."""
    lines = []
    for name in sorted(file.relative_to(root).as_posix() for file in files):
        sha256 = hashlib.sha256()
        with (root / name).open("rb") as file:
            while block := file.read(1 << 20):
                sha256.update(block)
        lines.append(f"{sha256.hexdigest()}  {name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class _PlainUnpickler(pickle.Unpickler):
    """Reads lists, tuples, dictionaries, strings and numbers, and imports nothing."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _load_plain_pickle(path: Path) -> Any:
    if not path.is_file():
        raise DataError(f"{path} is missing: give the directory of the training's data set")
    try:
        with path.open("rb") as file:
            return _PlainUnpickler(file).load()
    except (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError) as error:
        raise DataError(
            f"{path} is damaged or holds more than plain lists and numbers ({error}): save it "
            "again as a list of int"
        ) from error


def _tensor(path: Path, value: Any) -> Tensor:
    try:
        return torch.tensor(value)
    except (TypeError, ValueError) as error:
        raise DataError(f"{path} holds a list that is no array of numbers: {error}") from error
