"""Read DINO-WM's checkpoints without running them.

Upstream's ``train.py`` pickles whole modules and optimizers (``save_ckpt``, lines 155-188), so
that ``torch.load`` needs dino_wm and accelerate, and runs whatever the pickle says. Here modules
become inert records, and a tensor is read only when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from wm_planner.files.errors import FileFormatError
from wm_planner.files.inert_pickle import Record
from wm_planner.files.tensor_record import TensorRecord
from wm_planner.files.torch_file import read_torch_file

_DATA_PARALLEL = "torch.nn.parallel.distributed.DistributedDataParallel"
_MOST_MODULES = 100_000


@dataclass(frozen=True, eq=False)
class ModuleRecord:
    """A pickled ``torch.nn.Module``.

    Attributes:
        class_name: Dotted name of its class, e.g. ``models.vit.ViTPredictor``.
        attributes: Its plain attributes (numbers, strings, booleans), e.g. ``heads``.
        children: Its submodules by name.
        other_tensors: Tensors that are neither parameters nor buffers, e.g. an attention mask.
    """

    class_name: str
    attributes: dict[str, Any]
    children: dict[str, ModuleRecord]
    other_tensors: dict[str, TensorRecord]
    _own: dict[str, TensorRecord]

    def records(self) -> dict[str, TensorRecord]:
        """Return parameters and persistent buffers under their names in ``state_dict``."""
        found = dict(self._own)
        for name, child in self.children.items():
            found |= {f"{name}.{key}": record for key, record in child.records().items()}
        return found

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of ``records``."""
        return {name: record.shape for name, record in self.records().items()}

    def tensors(self) -> dict[str, torch.Tensor]:
        """Read what ``state_dict`` would return, each tensor in memory of its own.

        Raises:
            FileFormatError: The file lacks a tensor's bytes or they are damaged.
        """
        return {name: record.read() for name, record in self.records().items()}

    def modules(self) -> Iterator[tuple[str, ModuleRecord]]:
        """Yield this module with an empty name and all below it, like ``named_modules``."""
        yield "", self
        for name, child in self.children.items():
            for below, module in child.modules():
                yield f"{name}.{below}" if below else name, module


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
    path = Path(path).expanduser()
    contents = read_torch_file(path)
    if not isinstance(contents, dict):
        raise FileFormatError(f"{path} holds {_kind(contents)}, not a checkpoint of DINO-WM")
    try:
        modules = {
            name: _module(value)
            for name, value in contents.items()
            if isinstance(name, str) and isinstance(value, Record) and _is_module(value)
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
    path = Path(path).expanduser()
    contents = read_torch_file(path)
    if isinstance(contents, dict):
        tensors = {name: value for name, value in contents.items() if isinstance(name, str)}
        if tensors and all(isinstance(value, TensorRecord) for value in contents.values()):
            return tensors
    raise FileFormatError(
        f"{path} holds {_kind(contents)}, not named tensors only: give the official "
        "dinov2_*_pretrain.pth"
    )


def _is_module(record: Record) -> bool:
    return isinstance(record.state, dict) and "_parameters" in record.state


def _module(root: Record) -> ModuleRecord:
    budget = [_MOST_MODULES]
    module = _walk(root, (), budget)
    if module.class_name == _DATA_PARALLEL and "module" in module.children:
        return module.children["module"]
    return module


def _walk(record: Record, above: tuple[Record, ...], budget: list[int]) -> ModuleRecord:
    """Describe a module and those below it; in a pickle, a module may contain itself."""
    budget[0] -= 1
    if record in above or budget[0] < 0 or len(above) > 50:
        raise FileFormatError(f"its module {record.path} holds itself, or too many others")
    state: dict[str, Any] = record.state
    tables = [state.get(name, {}) for name in ("_parameters", "_buffers", "_modules")]
    if not all(isinstance(table, dict) for table in tables):
        raise FileFormatError(f"its module {record.path} is no module of torch")
    parameters, buffers, children = (
        {name: value for name, value in table.items() if value is not None} for table in tables
    )
    temporary = _names(state.get("_non_persistent_buffers_set"))
    own = parameters | {name: value for name, value in buffers.items() if name not in temporary}
    if not all(isinstance(value, TensorRecord) for value in own.values()):
        raise FileFormatError(f"its module {record.path} has a parameter that is no tensor")
    if not all(isinstance(child, Record) and _is_module(child) for child in children.values()):
        raise FileFormatError(f"its module {record.path} holds what is no module")
    return ModuleRecord(
        record.path,
        {name: value for name, value in state.items() if type(value) in (bool, int, float, str)},
        {str(name): _walk(child, (*above, record), budget) for name, child in children.items()},
        {name: value for name, value in state.items() if isinstance(value, TensorRecord)},
        {str(name): value for name, value in own.items()},
    )


def _names(pickled_set: Any) -> list[Any]:
    """Return the elements of a set, pickled as a call of ``set`` or, since protocol 4, as a set."""
    if isinstance(pickled_set, Record) and len(pickled_set.arguments) == 1:
        pickled_set = pickled_set.arguments[0]
    return pickled_set if isinstance(pickled_set, list) else []


def _kind(contents: Any) -> str:
    if isinstance(contents, Record):
        return f"an object of {contents.path}"
    if isinstance(contents, dict) and "predictor" in contents:
        return "a checkpoint of a training"
    return f"a {type(contents).__name__}"
