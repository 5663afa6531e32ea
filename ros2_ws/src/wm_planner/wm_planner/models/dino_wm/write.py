"""Writes a converted model so that a directory is either whole or not there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from wm_planner.models.dino_wm.archive import TensorRecord
from wm_planner.models.dino_wm.checkpoint import Checkpoint, CheckpointError
from wm_planner.models.dino_wm.encoder_weights import EncoderWeights
from wm_planner.models.dino_wm.networks import Networks
from wm_planner.models.dino_wm.run import ConversionError, file_sha256
from wm_planner.models.spec import SPEC_FILE, ModelSpec


def check_output(output: Path, force: bool) -> None:
    """The output can be written.

    Raises:
        ConversionError: It is in use, or is no place for a model.
    """
    if not output.parent.is_dir():
        raise ConversionError(f"{output.parent} is no directory: make it first")
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not (output / SPEC_FILE).is_file():
        raise ConversionError(f"{output} exists and holds no model: choose another output")
    if not force:
        raise ConversionError(
            f"{output} holds a model already: choose another output, or replace it with --force"
        )


def write(output: Path, spec: ModelSpec, checkpoint: Checkpoint, encoder: EncoderWeights) -> None:
    """Write weights and spec, whose digest of the weights is filled in.

    Args:
        output: Directory to be made; only the two files are replaced where it exists.
        spec: What goes into ``model.yaml``.
        checkpoint: Holds all networks but a frozen encoder.
        encoder: The encoder's tensors.

    Raises:
        ConversionError: The tensors are not those of the networks that ``spec`` describes.
        CheckpointError: A tensor cannot be read, or holds numbers that are not finite.
        OSError: The directory cannot be written.
    """
    records = {f"encoder.{name}": record for name, record in encoder.tensors.items()}
    names = ["predictor", "action_encoder", "proprio_encoder"]
    names += ["decoder"] if spec.architecture["decoder"] else []
    for name in names:
        module = checkpoint.modules[name].records()
        records |= {f"{name}.{key}": record for key, record in module.items()}
    _check_names(spec, records, checkpoint, encoder)
    temporary = output.with_name(f".{output.name}.{os.getpid()}")
    temporary.mkdir()
    try:
        weights = temporary / spec.weights.file
        save_file({name: _read(name, record) for name, record in records.items()}, weights)
        spec.weights.sha256 = file_sha256(weights)
        # save_file lets only its owner read the file; it is as public as the spec.
        weights.chmod(spec.save(temporary).stat().st_mode)
        if output.exists():
            for name in (spec.weights.file, SPEC_FILE):
                os.replace(temporary / name, output / name)
        else:
            temporary.rename(output)
    except SafetensorError as error:
        raise OSError(f"{output} cannot be written: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_names(
    spec: ModelSpec,
    records: dict[str, TensorRecord],
    checkpoint: Checkpoint,
    encoder: EncoderWeights,
) -> None:
    """The tensors are those that the model will ask for, in name and shape."""
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
                else f"has a tensor {name} that DINO-WM's networks have not"
                if wanted is None
                else f"has the tensor {name} of shape {list(found)} instead of {list(wanted)}"
            )
            raise ConversionError(f"{file} {problem}: it belongs to another network or another run")


def _read(name: str, record: TensorRecord) -> torch.Tensor:
    tensor = record.read()
    if not tensor.isfinite().all():
        raise CheckpointError(
            f"{record.storage.archive.path}: the tensor {name} holds numbers that are not finite: "
            "the training diverged, take an earlier checkpoint"
        )
    return tensor
