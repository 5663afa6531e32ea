"""Read LeWM's checkpoints without running them, in all forms that are published.

A plain state dict (``weights.pt``), a training's checkpoint with one inside (Lightning's
``state_dict``), or one pickled module (``*_object.ckpt``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.module_record import ModuleRecord, is_module, read_module
from wm_planner.files.errors import FileFormatError
from wm_planner.files.inert_pickle import Record
from wm_planner.files.tensor_record import TensorRecord
from wm_planner.files.torch_file import read_torch_file
from wm_planner.text import listed, one_line

_ANCHOR = "predictor.pos_embedding"
PARTS = ("encoder", "projector", "action_encoder", "predictor", "pred_proj")
"""The networks of a model."""
_TRAINING_ONLY = ("encoder.pooler.", "encoder.embeddings.mask_token", "sigreg.")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint of LeWM.

    Attributes:
        path: The file.
        records: The tensors of the networks, by their names in a module ``LeWM`` or ``JEPA``.
        module: The pickled module; None if the file holds tensors only.
        epoch: What the checkpoint says; -1: nothing.
    """

    path: Path
    records: dict[str, TensorRecord]
    module: ModuleRecord | None
    epoch: int

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor.

        Raises:
            ConversionError: There is none of this name.
        """
        if name not in self.records:
            raise ConversionError(
                f"{self.path} lacks the tensor {name}: it is another kind of model, or not whole"
            )
        return self.records[name].shape


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, without its tensors and its optimizer.

    Raises:
        FileFormatError: The file cannot be read or is damaged.
        ConversionError: It is not a checkpoint of LeWM.
    """
    contents = read_torch_file(path)
    if isinstance(contents, Record):
        if not is_module(contents):
            raise ConversionError(f"{path} holds an object of {contents.path}, no model")
        try:
            module = read_module(contents)
        except FileFormatError as error:
            raise FileFormatError(f"{path} cannot be used: {error}") from error
        return _of_module(path, module)
    epoch = contents.get("epoch") if isinstance(contents, dict) else None
    for place in (contents, contents.get("state_dict") if isinstance(contents, dict) else None):
        if isinstance(place, dict) and any(_is_tensor(*entry) for entry in place.items()):
            tensors = {name: value for name, value in place.items() if _is_tensor(name, value)}
            records = _networks(path, tensors)
            return Checkpoint(path, records, None, epoch if type(epoch) is int else -1)
    names = (
        listed([key[:40] for key in contents if isinstance(key, str)], 4)
        if isinstance(contents, dict)
        else f"a {type(contents).__name__}"
    )
    raise ConversionError(
        f"{path} holds {names}, no weights of a LeWM model: give another file; for DINO-WM, the "
        "directory that has hydra.yaml and checkpoints/"
    )


def _is_tensor(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, TensorRecord)


def _of_module(path: Path, module: ModuleRecord) -> Checkpoint:
    """Return the checkpoint of a pickled module, which may be inside another (Lightning's)."""
    holders = [
        (name, below)
        for name, below in module.modules()
        if "predictor" in below.children and "encoder" in below.children
    ]
    if len(holders) != 1:
        raise ConversionError(
            f"{path} holds {module.class_name} with {len(holders) or 'no'} world models in it: "
            "only a flat one, with encoder and predictor, can be converted, no hierarchy of them"
        )
    ((_, model),) = holders
    others = [part for part in model.children if part not in (*PARTS, "sigreg")]
    if others:
        raise ConversionError(
            f"{path}: its {model.class_name} has the part {one_line(others[0], 60)}, which LeWM "
            "does not have: it is another kind of model"
        )
    return Checkpoint(path, _networks(path, model.records()), model, -1)


def _networks(path: Path, tensors: Mapping[str, TensorRecord]) -> dict[str, TensorRecord]:
    """Return the tensors of the networks, without what a wrapper put before their names."""
    anchors = [name for name in tensors if name == _ANCHOR or name.endswith(f".{_ANCHOR}")]
    if len(anchors) != 1:
        raise ConversionError(
            f"{path} has {len(anchors) or 'no'} tensors {_ANCHOR}: only a LeWM model with one "
            "predictor can be converted, no hierarchy of them and nothing else"
        )
    before = anchors[0].removesuffix(_ANCHOR)
    named = {
        name.removeprefix(before): record
        for name, record in tensors.items()
        if name.startswith(before)
    }
    return {name: record for name, record in named.items() if not name.startswith(_TRAINING_ONLY)}
