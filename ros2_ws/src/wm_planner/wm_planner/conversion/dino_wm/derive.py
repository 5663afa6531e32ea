"""Derive the architecture from the tensors of a checkpoint, and check it against ``hydra.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wm_planner.conversion.dino_wm.checkpoint import Checkpoint
from wm_planner.conversion.dino_wm.encoder_weights import EncoderWeights
from wm_planner.conversion.dino_wm.training_run import Configuration
from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.module_record import ModuleRecord
from wm_planner.models.dino_wm.architecture import (
    FEATURE_KEYS,
    Architecture,
    DecoderArchitecture,
    EncoderArchitecture,
    PredictorArchitecture,
)

DECODER_SCALE = 16
"""Pixels that one token becomes in the decoder (upstream ``visual_world_model.py:57``)."""


@dataclass(frozen=True)
class Embeddings:
    """Sizes of actions, proprio and their embeddings.

    Attributes:
        action_dim: Numbers in one environment step's action.
        proprio_dim: Numbers in the proprio.
        action_emb_dim: Features of the embedded action.
        proprio_emb_dim: Features of the embedded proprio.
        visual_width: Features of a token that are left for the encoder.
    """

    action_dim: int
    proprio_dim: int
    action_emb_dim: int
    proprio_emb_dim: int
    visual_width: int


def derive_embeddings(checkpoint: Checkpoint, config: Configuration) -> Embeddings:
    """Derive the sizes of the action and proprio encoders.

    Raises:
        ConversionError: A module is missing or of an unknown kind, or the configuration contradicts
            the checkpoint.
    """
    sizes: dict[str, tuple[int, int]] = {}
    for name in ("action", "proprio"):
        module = _module(checkpoint, f"{name}_encoder", "ProprioceptiveEmbedding")
        shape = module.shapes().get("patch_embed.weight", ())
        if len(shape) != 3 or shape[2] != 1:
            raise ConversionError(
                f"{checkpoint.path}: {name}_encoder has weights of shape {list(shape)} instead of "
                "[features, numbers, 1] (tubelet_size 1)"
            )
        config.check_agrees(f"{name}_emb_dim", shape[0], f"{name}_encoder gives")
        sizes[name] = (shape[0], shape[1])
    (action_emb, action_in), (proprio_emb, proprio_in) = sizes["action"], sizes["proprio"]
    if (concat_dim := config.get("concat_dim", int)) not in (0, 1):
        raise ConversionError(
            f"{config.path} says concat_dim is {concat_dim}: only 0 (tokens of their own) and 1 "
            "(features of each token) are known"
        )
    frameskip = config.get("frameskip", int)
    if frameskip < 1 or action_in % frameskip:
        raise ConversionError(
            f"{config.path} says frameskip is {frameskip}, but the checkpoint's action encoder "
            f"takes {action_in} numbers, which is no multiple: hydra.yaml is of another run"
        )
    embedded = 0
    if concat_dim == 1:
        embedded = action_emb * config.get("num_action_repeat", int)
        embedded += proprio_emb * config.get("num_proprio_repeat", int)
    return Embeddings(
        action_dim=action_in // frameskip,
        proprio_dim=proprio_in,
        action_emb_dim=action_emb,
        proprio_emb_dim=proprio_emb,
        visual_width=_position_shape(checkpoint)[1] - embedded,
    )


def derive_architecture(
    checkpoint: Checkpoint,
    config: Configuration,
    embeddings: Embeddings,
    encoder: EncoderWeights,
    heads: int,
) -> Architecture:
    """Derive the sizes of all networks.

    Args:
        checkpoint: The checkpoint.
        config: Its configuration.
        embeddings: From ``derive_embeddings``.
        encoder: The encoder's weights.
        heads: Its attention heads.

    Raises:
        ConversionError: The configuration contradicts the checkpoint.
        SpecError: The sizes contradict each other.
    """
    feature_key = config.get("encoder.feature_key", str)
    if feature_key not in FEATURE_KEYS:
        raise ConversionError(
            f"{config.path} says encoder.feature_key is {feature_key}: known are "
            f"{', '.join(FEATURE_KEYS)}"
        )
    concat_dim = config.get("concat_dim", int)
    side = config.get("img_size", int) // DECODER_SCALE
    if side < 1:
        raise ConversionError(
            f"{config.path} says img_size is {config.get('img_size', int)}: an image has at least "
            f"{DECODER_SCALE} pixels a side"
        )
    tokens = 1 if feature_key == "x_norm_clstoken" else side**2
    tokens += 0 if concat_dim else 2  # those of proprio and action
    return Architecture(
        encoder=EncoderArchitecture(
            name=config.get("encoder.name", str),
            feature_key=feature_key,
            width=encoder.width,
            depth=encoder.depth,
            heads=heads,
            registers=encoder.registers,
            mlp=encoder.mlp,
            patch=encoder.patch,
            grid=encoder.grid,
            input_size=side * encoder.patch,
            sha256=encoder.sha256,
        ),
        predictor=_predictor(checkpoint, config, tokens),
        decoder=_decoder(checkpoint, config),
        concat_dim=concat_dim,
        action_emb_dim=embeddings.action_emb_dim,
        num_action_repeat=config.get("num_action_repeat", int),
        proprio_emb_dim=embeddings.proprio_emb_dim,
        num_proprio_repeat=config.get("num_proprio_repeat", int),
    )


def has_known_decoder(checkpoint: Checkpoint) -> bool:
    """Decide whether a checkpoint has the decoder that we can run (``models/vqvae.py``)."""
    decoder = checkpoint.modules.get("decoder")
    return decoder is not None and decoder.class_name.endswith(".VQVAE")


def _predictor(checkpoint: Checkpoint, config: Configuration, tokens: int) -> PredictorArchitecture:
    predictor = _module(checkpoint, "predictor", "ViTPredictor")
    shapes = predictor.shapes()
    attention = [m for _, m in predictor.modules() if m.class_name.endswith(".Attention")]
    heads = {layer.attributes.get("heads") for layer in attention}
    first = "transformer.layers.0"
    try:
        (count,) = heads
        if type(count) is not int or count < 1:
            raise ValueError
        inner, mlp_dim = shapes[f"{first}.0.to_qkv.weight"][0], shapes[f"{first}.1.net.1.weight"][0]
    except (KeyError, ValueError, IndexError) as error:
        raise ConversionError(
            f"{checkpoint.path}: its predictor has another structure than DINO-WM's ViTPredictor "
            "(layers of attention with equal heads, and an MLP): it cannot be converted"
        ) from error
    dim_head = inner // (3 * count)
    scale = attention[0].attributes.get("scale")
    if (
        inner != 3 * count * dim_head
        or not isinstance(scale, float)
        or (abs(scale * dim_head**0.5 - 1) > 1e-6)
    ):
        raise ConversionError(
            f"{checkpoint.path}: its attention has {inner} rows, {count} heads and the scale "
            f"{scale}, which do not fit each other: the file is damaged"
        )
    rows, width = _position_shape(checkpoint)
    frames = config.get("num_hist", int)
    if rows != frames * tokens:
        raise ConversionError(
            f"{config.path} says num_hist, img_size, concat_dim and encoder.feature_key that make "
            f"{frames} x {tokens} positions, but the checkpoint's predictor has {rows}: hydra.yaml "
            "and checkpoint are of different runs"
        )
    if (tokens_seen := _tokens_per_frame(attention[0])) not in (None, tokens):
        raise ConversionError(
            f"{config.path} says img_size, concat_dim and encoder.feature_key that make {tokens} "
            f"tokens per frame, but the checkpoint's attention masks frames of {tokens_seen}: "
            "hydra.yaml and checkpoint are of different runs"
        )
    for key, found in (("depth", len(attention)), ("heads", count), ("mlp_dim", mlp_dim),
                       ("dim_head", dim_head)):  # fmt: skip
        config.check_agrees(f"predictor.{key}", found, f"the predictor's {key} is")
    return PredictorArchitecture(len(attention), count, dim_head, mlp_dim, width, tokens, frames)


def _tokens_per_frame(attention: ModuleRecord) -> int | None:
    """Count the tokens that the first token attends to (``vit.py``, ``generate_mask_matrix``)."""
    mask = attention.other_tensors.get("bias")
    if mask is None or len(mask.shape) != 4 or 0 in mask.shape:
        return None
    return int(mask.read()[0, 0, 0].count_nonzero())


def _decoder(checkpoint: Checkpoint, config: Configuration) -> DecoderArchitecture | None:
    if not has_known_decoder(checkpoint):
        return None
    decoder = checkpoint.modules["decoder"]
    shapes = decoder.shapes()
    residual = [key for key in shapes if key.startswith("dec.") and key.endswith(".conv.1.weight")]
    try:
        emb_dim, n_embed = shapes["quantize_b.embed"]
        channel = shapes["dec.blocks.0.weight"][0]
    except (KeyError, ValueError, IndexError) as error:
        raise ConversionError(
            f"{checkpoint.path}: its decoder has another structure than DINO-WM's VQVAE: it cannot "
            "be converted"
        ) from error
    n_res_channel = shapes[residual[0]][0] if residual else 1
    quantize: Any = decoder.attributes.get("quantize")
    for key, found in (("channel", channel), ("n_embed", n_embed), ("quantize", quantize),
                       ("n_res_block", len(residual))):  # fmt: skip
        config.check_agrees(f"decoder.{key}", found, f"the decoder's {key} is")
    if residual:
        config.check_agrees(
            "decoder.n_res_channel", n_res_channel, "the decoder's n_res_channel is"
        )
    return DecoderArchitecture(emb_dim, channel, n_embed, len(residual), n_res_channel, quantize)


def _position_shape(checkpoint: Checkpoint) -> tuple[int, int]:
    """Return the number of positions and the width of the predictor."""
    predictor = _module(checkpoint, "predictor", "ViTPredictor")
    shape = predictor.shapes().get("pos_embedding", ())
    if len(shape) != 3:
        raise ConversionError(
            f"{checkpoint.path}: its predictor has no position embedding: it is not DINO-WM's"
        )
    return shape[1], shape[2]


def _module(checkpoint: Checkpoint, name: str, kind: str) -> ModuleRecord:
    module = checkpoint.modules.get(name)
    if module is None:
        raise ConversionError(f"{checkpoint.path} has no {name}: it holds no whole world model")
    if module.class_name.rpartition(".")[2] != kind:
        raise ConversionError(
            f"{checkpoint.path}: its {name} is {module.class_name}: only {kind} can be converted"
        )
    return module
