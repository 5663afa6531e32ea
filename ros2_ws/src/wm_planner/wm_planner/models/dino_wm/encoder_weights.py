"""Finds the encoder's weights, in the checkpoint or in DINOv2's own file, and reads its sizes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import torch

from wm_planner.models.dino_wm.archive import TensorRecord
from wm_planner.models.dino_wm.checkpoint import Checkpoint, read_state_dict
from wm_planner.models.dino_wm.run import Configuration, ConversionError, file_sha256

OFFICIAL = {
    "dinov2_vits14": (384, 12, 6),
    "dinov2_vitb14": (768, 12, 12),
    "dinov2_vitl14": (1024, 24, 16),
    "dinov2_vitg14": (1536, 40, 24),
}
"""Width, depth and heads of facebookresearch/dinov2 (``dinov2/models/vision_transformer.py``)."""
REGISTERS = 4
"""Register tokens of the models whose name ends in ``_reg``."""


@dataclass(frozen=True, eq=False)
class EncoderWeights:
    """The encoder's tensors and what their shapes say.

    Attributes:
        file: The file they are in.
        sha256: Its digest.
        tensors: By their official names.
        heads: Attention heads; 0: not known, shapes do not tell.
        width: Features per token.
        depth: Blocks.
        registers: Register tokens.
        mlp: ``mlp`` or ``swiglu``.
        patch: Side of a patch [pixels].
        grid: Side of the position embedding [patches].
    """

    file: Path
    sha256: str
    tensors: dict[str, TensorRecord]
    heads: int
    width: int
    depth: int
    registers: int
    mlp: str
    patch: int
    grid: int


def encoder_name(configuration: Configuration) -> str:
    """The encoder's name in the DINOv2 hub.

    Raises:
        ConversionError: The model has another kind of encoder.
    """
    target = configuration.get("encoder._target_", str)
    if target.rpartition(".")[2] != "DinoV2Encoder":
        raise ConversionError(
            f"{configuration.path} names the encoder {target}: only DINOv2 encoders can be "
            "converted, not ResNet, R3M or others"
        )
    name = configuration.get("encoder.name", str)
    if name.removesuffix("_reg") not in OFFICIAL:
        raise ConversionError(
            f"{configuration.path} names the encoder {name}: known are {', '.join(OFFICIAL)}, each "
            "also with _reg"
        )
    return name


def find_encoder_file(name: str, given: Path | None) -> Path | None:
    """The file that was given, or the one that the DINOv2 hub has left in torch's cache."""
    if given is not None:
        return given.expanduser()
    cached = Path(torch.hub.get_dir()) / "checkpoints" / file_name(name)
    return cached if cached.is_file() else None


def file_name(name: str) -> str:
    """Official name of the weights' file (``dinov2/hub/backbones.py``)."""
    return f"{name}{REGISTERS if name.endswith('_reg') else ''}_pretrain.pth"


def read_encoder(name: str, file: Path, width: int) -> EncoderWeights:
    """Read the sizes of an encoder from a file of its own.

    Args:
        name: What ``hydra.yaml`` calls it.
        file: ``dinov2_*_pretrain.pth``.
        width: Features per token that the predictor expects.

    Raises:
        CheckpointError: The file is no file of weights.
        ConversionError: It is not the encoder that the run was trained with.
    """
    return _weights(name, file, read_state_dict(file), 0, width)


def encoder_of_checkpoint(name: str, checkpoint: Checkpoint, width: int) -> EncoderWeights | None:
    """The encoder that was trained along and saved with the rest, or None.

    Raises:
        ConversionError: It is not what ``hydra.yaml`` names.
    """
    module = checkpoint.modules.get("encoder")
    if module is None:
        return None
    base = module.children.get("base_model")
    if base is None:
        raise ConversionError(
            f"{checkpoint.path} holds the encoder {module.class_name}: only DINOv2 encoders can "
            "be converted"
        )
    heads = base.attributes.get("num_heads")
    return _weights(
        name, checkpoint.path, base.records(), heads if type(heads) is int else 0, width
    )


def _weights(
    name: str, file: Path, tensors: dict[str, TensorRecord], heads: int, width: int
) -> EncoderWeights:
    shapes = {key: record.shape for key, record in tensors.items()}
    try:
        *_, own_width = shapes["cls_token"]
        _, places, _ = shapes["pos_embed"]
        *_, patch = shapes["patch_embed.proj.weight"]
        *_, registers, _ = shapes.get("register_tokens", (0, 0))
    except (KeyError, ValueError) as error:
        raise ConversionError(
            f"{file} holds no DINOv2 encoder (no usable {error}): give {file_name(name)}"
        ) from error
    blocks = {int(found[1]) for key in shapes if (found := re.match(r"blocks\.(\d+)\.", key))}
    depth = len(blocks)
    official_width, official_depth, official_heads = OFFICIAL[name.removesuffix("_reg")]
    expected_registers = REGISTERS if name.endswith("_reg") else 0
    if own_width != width or registers != expected_registers:
        raise ConversionError(
            f"{file} is not the encoder of this run: it has {own_width} features and {registers} "
            f"register tokens, {name} as the predictor knows it {width} and {expected_registers}: "
            f"give {file_name(name)}, and the run's own hydra.yaml"
        )
    if own_width == official_width:
        if depth != official_depth:
            raise ConversionError(
                f"{file} is not {name}: it has {depth} blocks instead of {official_depth}"
            )
        heads = heads or official_heads
    return EncoderWeights(
        file, file_sha256(file), tensors, heads, own_width, depth, registers,
        "swiglu" if "blocks.0.mlp.w12.weight" in shapes else "mlp",
        patch, math.isqrt(max(places - 1, 0)),
    )  # fmt: skip
