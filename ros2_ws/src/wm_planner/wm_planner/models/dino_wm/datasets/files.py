"""Read the files of a data set without running what is in them, and digest them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wm_planner.models.dino_wm.archive import TensorRecord, read_archive
from wm_planner.models.dino_wm.pickles import CheckpointError, read_pickle


class DataError(ValueError):
    """A data set is missing, unreadable or not laid out as its kind demands."""


def load_tensor(path: Path) -> Tensor:
    """A tensor, or a list of numbers, saved with ``torch.save``.

    Raises:
        DataError: The file is missing, damaged, or holds something else.
    """
    value = _read(path, _loaded)
    if isinstance(value, Tensor):
        return value
    if _is_list(value, int | float):
        with suppress(OverflowError, RuntimeError, ValueError):  # numbers too large for a tensor
            return torch.tensor(value)
    raise _no_tensor(path)


def tensor_shape(path: Path) -> tuple[int, ...]:
    """The shape of a tensor saved with ``torch.save``, whose numbers are not read.

    Raises:
        DataError: The file is missing, damaged, or holds no tensor.
    """
    value = _read(path, read_archive)
    if not isinstance(value, TensorRecord):
        raise _no_tensor(path)
    return value.shape


def load_lengths(path: Path) -> list[int]:
    """Episode lengths from a ``.pth`` tensor or a pickled list (pusht's ``seq_lengths.pkl``).

    Raises:
        DataError: The file is missing, damaged, or is no list of positive whole numbers.
    """
    values: Any = load_tensor(path).tolist() if path.suffix == ".pth" else _read(path, _unpickled)
    if not _is_list(values, int) or min(values, default=0) < 1:
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


def _read(path: Path, reader: Callable[[Path], Any]) -> Any:
    if not path.is_file():
        raise DataError(f"{path} is missing: give the directory of the training's data set")
    try:
        return reader(path)
    except CheckpointError as error:
        raise DataError(f"{error}: copy the file again") from error


def _loaded(path: Path) -> Any:
    value = read_archive(path)
    return value.read() if isinstance(value, TensorRecord) else value


def _unpickled(path: Path) -> Any:
    try:
        return read_pickle(io.BytesIO(path.read_bytes()), persistent=_nothing, calls={})
    except CheckpointError as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from error


def _nothing(_identifier: Any) -> None:
    raise CheckpointError("it refers to something that is not in it")


def _is_list(value: Any, kind: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(number, kind) and not isinstance(number, bool) for number in value
    )


def _no_tensor(path: Path) -> DataError:
    return DataError(
        f"{path} holds something else than one tensor of numbers: save the tensor itself with "
        "torch.save"
    )
