"""Read DINO-WM's checkpoints without running them.

Upstream's ``train.py`` pickles whole modules and optimizers (``save_ckpt``, lines 155-188), so
that ``torch.load`` needs dino_wm and accelerate, and runs whatever the pickle says. Here modules
become inert records, and a tensor is read only when it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wm_planner.conversion.module_record import ModuleRecord, is_module, read_module
from wm_planner.files.errors import FileFormatError
from wm_planner.files.home import expanded
from wm_planner.files.inert_pickle import Record
from wm_planner.files.tensor_record import TensorRecord
from wm_planner.files.torch_file import read_torch_file


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint of DINO-WM.

    Attributes:
        path: The file.
        epoch: Finished epochs.
        modules: ``predictor``, ``action_encoder``, ``proprio_encoder``, and if they were trained
            ``decoder`` and ``encoder``.
    """

    path: Path
    epoch: int
    modules: dict[str, ModuleRecord]


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint of DINO-WM, without its tensors and optimizers.

    Modules that were wrapped for data-parallel training are unwrapped.

    Args:
        path: ``checkpoints/model_latest.pth`` or ``model_<epoch>.pth``.

    Raises:
        FileFormatError: The file cannot be read, is damaged, or is not a checkpoint of DINO-WM.
    """
    path = expanded(path)
    contents = read_torch_file(path)
    if not isinstance(contents, dict):
        raise FileFormatError(f"{path} holds {_kind(contents)}, not a checkpoint of DINO-WM")
    try:
        modules = {
            name: read_module(value)
            for name, value in contents.items()
            if isinstance(name, str) and isinstance(value, Record) and is_module(value)
        }
    except FileFormatError as error:
        raise FileFormatError(f"{path} cannot be used: {error}") from error
    epoch = contents.get("epoch")
    if "predictor" not in modules or type(epoch) is not int:
        names = [key[:40] for key in contents if isinstance(key, str)]
        keys = ", ".join(names[:4]) or "nothing named"
        raise FileFormatError(
            f"{path} is no checkpoint of DINO-WM: it holds {keys}{'…' if len(names) > 4 else ''}"
            ", but training saves an epoch and a predictor; give model_latest.pth or "
            "model_<epoch>.pth of a run's checkpoints/"
        )
    return Checkpoint(path, epoch, modules)


def read_state_dict(path: str | Path) -> dict[str, TensorRecord]:
    """Read the names and shapes of a file of plain tensors, e.g. DINOv2's weights.

    Raises:
        FileFormatError: The file cannot be read, is damaged, or holds something else.
    """
    path = expanded(path)
    contents = read_torch_file(path)
    if isinstance(contents, dict):
        tensors = {name: value for name, value in contents.items() if isinstance(name, str)}
        if tensors and all(isinstance(value, TensorRecord) for value in contents.values()):
            return tensors
    raise FileFormatError(
        f"{path} holds {_kind(contents)}, not named tensors only: give the official "
        "dinov2_*_pretrain.pth"
    )


def _kind(contents: Any) -> str:
    if isinstance(contents, Record):
        return f"an object of {contents.path}"
    if isinstance(contents, dict) and "predictor" in contents:
        return "a checkpoint of a training"
    return f"a {type(contents).__name__}"
