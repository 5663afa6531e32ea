"""Read the numbers in a dataset's files without running what is in them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wm_planner.datasets.errors import DatasetError
from wm_planner.files.errors import FileFormatError
from wm_planner.files.inert_pickle import read_pickle
from wm_planner.files.regular import read_regular
from wm_planner.files.tensor_record import TensorRecord
from wm_planner.files.torch_file import read_torch_file

MAX_PICKLE = 100_000_000
"""Largest pickle of numbers [bytes]."""


def load_tensor(path: Path) -> Tensor:
    """Load a tensor, or a list of numbers, that ``torch.save`` wrote.

    Raises:
        DatasetError: The file is missing, damaged, or holds something else.
    """
    value = _read(path, _load)
    if isinstance(value, Tensor):
        return value
    if _is_list(value, int | float):
        with suppress(OverflowError, RuntimeError, ValueError):  # numbers too large for a tensor
            return torch.tensor(value)
    raise _no_tensor(path)


def tensor_shape(path: Path) -> tuple[int, ...]:
    """Return the shape of a tensor that ``torch.save`` wrote; its elements are not read.

    Raises:
        DatasetError: The file is missing, damaged, or holds no tensor.
    """
    value = _read(path, read_torch_file)
    if not isinstance(value, TensorRecord):
        raise _no_tensor(path)
    return value.shape


def load_lengths(path: Path) -> list[int]:
    """Load episode lengths from a ``.pth`` tensor or a pickled list (PushT's ``seq_lengths.pkl``).

    Raises:
        DatasetError: The file is missing, damaged, or no list of positive whole numbers.
    """
    values: Any = load_tensor(path).tolist() if path.suffix == ".pth" else _read(path, _unpickle)
    if not _is_list(values, int) or min(values, default=0) < 1:
        raise DatasetError(f"{path} must be a list of positive whole numbers, one per episode")
    return list(values)


def _read(path: Path, reader: Callable[[Path], Any]) -> Any:
    if not os.path.lexists(path):
        raise DatasetError(f"{path} is missing: give the directory of the training's dataset")
    try:
        return reader(path)
    except FileFormatError as error:
        raise DatasetError(f"{error}: copy the file again") from error


def _load(path: Path) -> Any:
    value = read_torch_file(path)
    return value.read() if isinstance(value, TensorRecord) else value


def _unpickle(path: Path) -> Any:
    try:
        data = read_regular(path, MAX_PICKLE)
        return read_pickle(io.BytesIO(data), persistent=_refuse, calls={})
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror or error}") from error
    except FileFormatError as error:
        raise FileFormatError(f"{path} cannot be used: {error}") from error


def _refuse(_identifier: Any) -> None:
    raise FileFormatError("it refers to something that is not in it")


def _is_list(value: Any, kind: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(number, kind) and not isinstance(number, bool) for number in value
    )


def _no_tensor(path: Path) -> DatasetError:
    return DatasetError(
        f"{path} holds something else than one tensor of numbers: save the tensor itself with "
        "torch.save"
    )
