"""Collect the weights of a model from its checkpoint, under our names."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.lewm.checkpoint import Checkpoint
from wm_planner.files.errors import FileFormatError
from wm_planner.files.tensor_record import TensorRecord
from wm_planner.models.lewm.networks import Networks
from wm_planner.models.spec import ModelSpec
from wm_planner.text import one_line

_LAYER = r"encoder\.(?:encoder\.layer|layers)\.(\d+)\."
_RENAMED = [
    (re.compile(pattern + r"\.(weight|bias)"), ours)
    for pattern, ours in (
        (r"encoder\.embeddings\.patch_embeddings\.projection", r"encoder.patch_embed.proj.\1"),
        (r"encoder\.layernorm", r"encoder.norm.\1"),
        (_LAYER + r"attention\.(?:attention\.query|q_proj)", r"encoder.blocks.\1.attn.q.\2"),
        (_LAYER + r"attention\.(?:attention\.key|k_proj)", r"encoder.blocks.\1.attn.k.\2"),
        (_LAYER + r"attention\.(?:attention\.value|v_proj)", r"encoder.blocks.\1.attn.v.\2"),
        (_LAYER + r"attention\.(?:output\.dense|o_proj)", r"encoder.blocks.\1.attn.proj.\2"),
        (_LAYER + r"(?:intermediate\.dense|mlp\.fc1)", r"encoder.blocks.\1.mlp.fc1.\2"),
        (_LAYER + r"(?:output\.dense|mlp\.fc2)", r"encoder.blocks.\1.mlp.fc2.\2"),
        (_LAYER + r"layernorm_before", r"encoder.blocks.\1.norm1.\2"),
        (_LAYER + r"layernorm_after", r"encoder.blocks.\1.norm2.\2"),
    )
]
"""Names of transformers 4 and 5, and ours."""
_WHOLE = {
    "encoder.embeddings.cls_token": "encoder.cls_token",
    "encoder.embeddings.position_embeddings": "encoder.pos_embed",
}
_QKV = re.compile(r"(encoder\.blocks\.\d+\.attn)\.([qkv])\.(weight|bias)")


def our_name(name: str) -> str:
    """Return our name of a tensor; query, key and value keep names of their own."""
    if name in _WHOLE:
        return _WHOLE[name]
    for pattern, ours in _RENAMED:
        if found := pattern.fullmatch(name):
            return found.expand(ours)
    return name


def collect_weights(spec: ModelSpec, checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Read all tensors of a model, by their names in ``weights.safetensors``.

    Raises:
        ConversionError: The tensors are not those of the networks that ``spec`` describes.
        FileFormatError: A tensor cannot be read, or holds numbers that are not finite.
    """
    parts: dict[str, dict[str, TensorRecord]] = {}
    for name, record in checkpoint.records.items():
        ours = our_name(name)
        found = _QKV.fullmatch(ours)
        place, part = (f"{found[1]}.qkv.{found[3]}", found[2]) if found else (ours, "")
        if part in parts.setdefault(place, {}):
            raise ConversionError(f"{checkpoint.path} has the tensor {name} under two names")
        parts[place][part] = record
    shapes = {name: _shape(records) for name, records in parts.items()}
    _check_names(spec, shapes, checkpoint)
    return {name: _read(name, records) for name, records in parts.items()}


def _shape(records: dict[str, TensorRecord]) -> tuple[int, ...] | None:
    """Return the shape of a tensor, or of query, key and value together; None: one is missing."""
    if "" in records:
        return records[""].shape
    if set(records) != set("qkv") or len({record.shape for record in records.values()}) != 1:
        return None
    first, *rest = records["q"].shape
    return (3 * first, *rest)


def _check_names(
    spec: ModelSpec, found: dict[str, tuple[int, ...] | None], checkpoint: Checkpoint
) -> None:
    with torch.device("meta"):
        networks = Networks(spec)
    expected = {name: tuple(tensor.shape) for name, tensor in networks.state_dict().items()}
    for name in expected | found:
        shown = one_line(name, 200)
        if name not in expected:
            problem = f"has a tensor {shown} that LeWM's networks do not have"
        elif found.get(name) is None:
            problem = f"lacks the tensor {shown}"
        elif found[name] != expected[name]:
            problem = f"has the tensor {shown} of shape {found[name]} instead of {expected[name]}"
        else:
            continue
        raise ConversionError(f"{checkpoint.path} {problem}: it is another kind of model")


def _read(name: str, records: dict[str, TensorRecord]) -> Tensor:
    tensors = [records[part].read() for part in ([""] if "" in records else "qkv")]
    whole = tensors[0] if len(tensors) == 1 else torch.cat(tensors)
    if name.endswith(".num_batches_tracked") and whole.dtype == torch.int64:
        return whole
    if not whole.is_floating_point():
        raise FileFormatError(f"the tensor {name} holds {whole.dtype}, no real numbers")
    if not whole.isfinite().all():
        path = next(iter(records.values())).storage.archive.path
        raise FileFormatError(
            f"{path}: the tensor {name} holds numbers that are not finite: the training diverged, "
            "take an earlier checkpoint"
        )
    return whole.float()
