"""Pickled modules of torch, and state dicts, as inert records.

A tensor is read only when it is needed, and no code of the file runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from wm_planner.files.errors import FileFormatError
from wm_planner.files.inert_pickle import Record
from wm_planner.files.tensor_record import TensorRecord

_DATA_PARALLEL = "torch.nn.parallel.distributed.DistributedDataParallel"
_MOST_MODULES = 100_000


@dataclass(frozen=True, eq=False)
class ModuleRecord:
    """A pickled ``torch.nn.Module``.

    Attributes:
        class_name: Dotted name of its class, e.g. ``models.vit.ViTPredictor``.
        attributes: Its plain attributes (numbers, strings, booleans), e.g. ``heads``.
        settings: Those of its configuration object (``config``), if it has one.
        children: Its submodules by name.
        other_tensors: Tensors that are neither parameters nor buffers, e.g. an attention mask.
    """

    class_name: str
    attributes: dict[str, Any]
    settings: dict[str, Any]
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


def is_module(record: Record) -> bool:
    """Decide whether an object is a module of torch."""
    return isinstance(record.state, dict) and "_parameters" in record.state


def read_module(root: Record) -> ModuleRecord:
    """Describe a module and all below it, without the wrapper of data-parallel training.

    Raises:
        FileFormatError: It is no module of torch.
    """
    module, _ = _walk(root, (), {})
    if module.class_name == _DATA_PARALLEL and "module" in module.children:
        return module.children["module"]
    return module


def _walk(
    record: Record, above: tuple[Record, ...], known: dict[int, tuple[ModuleRecord, int]]
) -> tuple[ModuleRecord, int]:
    """Describe a module and those below it, each once, and count them as often as they are held.

    In a pickle, a module may contain itself, or be held by many others.
    """
    if (seen := known.get(id(record))) is not None:
        return seen
    if record in above or len(above) > 50:
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
    if not all(isinstance(child, Record) and is_module(child) for child in children.values()):
        raise FileFormatError(f"its module {record.path} holds what is no module")
    config = state.get("config")
    below = {str(k): _walk(child, (*above, record), known) for k, child in children.items()}
    count = 1 + sum(size for _, size in below.values())
    if count > _MOST_MODULES:
        raise FileFormatError(f"its module {record.path} holds more than {_MOST_MODULES} others")
    found = ModuleRecord(
        record.path,
        _plain(state),
        _plain(config.state) if isinstance(config, Record) else {},
        {name: child for name, (child, _) in below.items()},
        {name: value for name, value in state.items() if isinstance(value, TensorRecord)},
        {str(name): value for name, value in own.items()},
    )
    known[id(record)] = found, count
    return found, count


def _plain(state: Any) -> dict[str, Any]:
    """Return the numbers, strings and booleans of an object's state."""
    entries = state.items() if isinstance(state, dict) else ()
    return {name: value for name, value in entries if type(value) in (bool, int, float, str)}


def _names(pickled_set: Any) -> list[Any]:
    """Return the elements of a set, pickled as a call of ``set`` or, since protocol 4, as a set."""
    if isinstance(pickled_set, Record) and len(pickled_set.arguments) == 1:
        pickled_set = pickled_set.arguments[0]
    return pickled_set if isinstance(pickled_set, list) else []
