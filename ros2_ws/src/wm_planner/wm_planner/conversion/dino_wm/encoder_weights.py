"""Find the encoder's weights in the checkpoint or in DINOv2's own file, and read its sizes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import torch

from wm_planner.conversion.dino_wm.checkpoint import Checkpoint, read_state_dict
from wm_planner.conversion.dino_wm.training_run import Configuration
from wm_planner.conversion.errors import ConversionError
from wm_planner.files.digest import file_sha256
from wm_planner.files.home import expanded
from wm_planner.files.tensor_record import TensorRecord

OFFICIAL = {
    "dinov2_vits14": (384, 12, 6),
    "dinov2_vitb14": (768, 12, 12),
    "dinov2_vitl14": (1024, 24, 16),
    "dinov2_vitg14": (1536, 40, 24),
}
"""Width, depth and heads of facebookresearch/dinov2 (``dinov2/models/vision_transformer.py``)."""
REGISTERS = 4
"""Number of register tokens of the models whose name ends in ``_reg``."""


@dataclass(frozen=True, eq=False)
class EncoderWeights:
    """The encoder's tensors, and its sizes from their shapes.

    Attributes:
        file: The file that holds them.
        sha256: Its digest.
        tensors: Tensors by their official names.
        heads: Attention heads; 0: unknown, because shapes do not say.
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
    """Return the encoder's name in the DINOv2 hub.

    Raises:
        ConversionError: The encoder is not a DINOv2.
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
    """Return the given file, or the one that the DINOv2 hub left in torch's cache, or None."""
    if given is not None:
        return expanded(given)
    cached = Path(torch.hub.get_dir()) / "checkpoints" / file_name(name)
    return cached if cached.is_file() else None


def file_name(name: str) -> str:
    """Return the official name of the weight file (``dinov2/hub/backbones.py``)."""
    return f"{name}{REGISTERS if name.endswith('_reg') else ''}_pretrain.pth"


def read_encoder(name: str, file: Path, width: int) -> EncoderWeights:
    """Read an encoder from a file of its own.

    Args:
        name: What ``hydra.yaml`` calls it.
        file: ``dinov2_*_pretrain.pth``.
        width: Features per token that the predictor expects.

    Raises:
        FileFormatError: The file is not a file of weights.
        ConversionError: It is not the encoder that the run was trained with.
    """
    return _weights(name, file, read_state_dict(file), 0, width)


def encoder_of_checkpoint(name: str, checkpoint: Checkpoint, width: int) -> EncoderWeights | None:
    """Return the encoder that was trained and saved with the rest; None: it was not.

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
            f"register tokens, but the predictor and {name} need {width} and {expected_registers}: "
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
