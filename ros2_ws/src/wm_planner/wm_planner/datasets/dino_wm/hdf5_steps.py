"""Read episodes with one HDF5 file per step, as Jacob1we/dino_wm records them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.hdf5 import library, open_hdf5, plain_dataset
from wm_planner.datasets.tensor_files import tensor_shape
from wm_planner.message_limits import MAX_LIST


def read_steps(folder: Path) -> tuple[Tensor, Tensor, list[Path]]:
    """Read the actions (T, d) and states (T, s) of one episode; also return the files read.

    T is the number of images in ``obses.pth``; a step without a file counts as zeros
    (``franka_cube_stack_dset.py``).

    Raises:
        DatasetError: h5py is not installed, or a file is missing or damaged.
    """
    library(folder / "00.h5")
    length, *_ = tensor_shape(folder / "obses.pth") or (0,)
    files = {step: folder / f"{step:02d}.h5" for step in range(length)}
    files = {step: file for step, file in files.items() if file.is_file()}
    if not files:
        raise DatasetError(
            f"{folder} has neither actions.pth nor 00.h5: it holds no recorded steps"
        )
    actions: dict[int, NDArray[np.float32]] = {}
    states: dict[int, NDArray[np.float32]] = {}
    for step, file in files.items():
        try:
            with open_hdf5(file) as content:
                actions[step] = _numbers(content, "action")
                states[step] = _numbers(content, "eef_states")
        except (KeyError, ValueError) as error:
            raise DatasetError(
                f"{file} is damaged or lacks action or eef_states: {error}"
            ) from error
    return _table(folder, actions, length), _table(folder, states, length), list(files.values())


def _numbers(content: Any, name: str) -> NDArray[np.float32]:
    """Return a dataset of a file, flat.

    Raises:
        KeyError: There is none of this name.
        ValueError: It is no small dataset, or lies in another file.
    """
    data = plain_dataset(content, name, "fiu")
    if data.size > MAX_LIST:
        raise ValueError(f"{name} is not up to {MAX_LIST} numbers")
    return np.asarray(data[()], dtype=np.float32).reshape(-1)


def _table(folder: Path, rows: dict[int, Any], length: int) -> Tensor:
    widths = {row.size for row in rows.values()}
    if len(widths) != 1:
        raise DatasetError(f"{folder}: its steps have {sorted(widths)} numbers, not all the same")
    table = np.zeros((length, widths.pop()), np.float32)
    for step, row in rows.items():
        table[step] = row
    return torch.from_numpy(table)
