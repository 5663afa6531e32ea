"""Collect the weights of a model from its checkpoint and its encoder."""

from __future__ import annotations

import torch

from wm_planner.conversion.dino_wm.checkpoint import Checkpoint
from wm_planner.conversion.dino_wm.encoder_weights import EncoderWeights
from wm_planner.conversion.errors import ConversionError
from wm_planner.files.errors import FileFormatError
from wm_planner.files.tensor_record import TensorRecord
from wm_planner.models.dino_wm.networks import Networks
from wm_planner.models.spec import ModelSpec


def collect_weights(
    spec: ModelSpec, checkpoint: Checkpoint, encoder: EncoderWeights
) -> dict[str, torch.Tensor]:
    """Read all tensors of a model, by their names in ``weights.safetensors``.

    Args:
        spec: Describes the networks.
        checkpoint: Holds all networks, except for an encoder that was frozen.
        encoder: The encoder's tensors.

    Raises:
        ConversionError: The tensors are not those of the networks that ``spec`` describes.
        FileFormatError: A tensor cannot be read, or holds numbers that are not finite.
    """
    records = {f"encoder.{name}": record for name, record in encoder.tensors.items()}
    names = ["predictor", "action_encoder", "proprio_encoder"]
    names += ["decoder"] if spec.architecture["decoder"] else []
    for name in names:
        module = checkpoint.modules[name].records()
        records |= {f"{name}.{key}": record for key, record in module.items()}
    _check_names(spec, records, checkpoint, encoder)
    return {name: _read(name, record) for name, record in records.items()}


def _check_names(
    spec: ModelSpec,
    records: dict[str, TensorRecord],
    checkpoint: Checkpoint,
    encoder: EncoderWeights,
) -> None:
    """Check that the tensors are those that the networks need, in name and shape."""
    with torch.device("meta"):
        networks = Networks(spec)
    expected = {name: tuple(tensor.shape) for name, tensor in networks.state_dict().items()}
    for name in expected | records:
        found = tuple(records[name].shape) if name in records else None
        if (wanted := expected.get(name)) != found:
            file = encoder.file if name.startswith("encoder.") else checkpoint.path
            problem = (
                f"lacks the tensor {name}"
                if found is None
                else f"has a tensor {name} that DINO-WM's networks do not have"
                if wanted is None
                else f"has the tensor {name} of shape {list(found)} instead of {list(wanted)}"
            )
            raise ConversionError(f"{file} {problem}: it belongs to another network or another run")


def _read(name: str, record: TensorRecord) -> torch.Tensor:
    tensor = record.read()
    if not tensor.isfinite().all():
        raise FileFormatError(
            f"{record.storage.archive.path}: the tensor {name} holds numbers that are not finite: "
            "the training diverged, take an earlier checkpoint"
        )
    return tensor
