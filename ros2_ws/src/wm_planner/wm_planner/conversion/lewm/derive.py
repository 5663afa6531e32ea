"""Derive the architecture from a checkpoint's tensors, and check it against ``config.json``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.lewm.checkpoint import Checkpoint
from wm_planner.conversion.lewm.training_run import Configuration
from wm_planner.conversion.lewm.weights import our_name
from wm_planner.models.lewm.architecture import (
    Architecture,
    EncoderArchitecture,
    PredictorArchitecture,
)
from wm_planner.text import one_line

SIZES = {
    "tiny": (192, 3), "small": (384, 6), "base": (768, 12), "large": (1024, 16), "huge": (1280, 16),
}  # fmt: skip
"""Width and heads of the encoder by its ``size`` (``vit_hf`` of stable-pretraining)."""
EPS = 1e-12
_ENCODER_LEAVES = ("GELUActivation", "GELU", "Dropout", "Identity", "ViTDropPath")
_LEAVES = (
    (re.compile(r"(projector|pred_proj)\.net\.2"), ("GELU",)),
    (re.compile(r"action_encoder\.embed\.1"), ("SiLU",)),
    (re.compile(r"predictor\.transformer\.layers\.\d+\.mlp\.net\.2"), ("GELU",)),
    (re.compile(r"predictor\.transformer\.layers\.\d+\.adaLN_modulation\.0"), ("SiLU",)),
    (re.compile(r"predictor\.transformer\.layers\.\d+\.norm[12]"), ("LayerNorm",)),
    (re.compile(r"predictor\..*"), ("Dropout", "Identity", "Softmax")),
)
"""Modules without tensors by their place in a pickled model; the encoder's are above."""
_NORMS = {"batch": ("BatchNorm1d", "SyncBatchNorm"), "layer": ("LayerNorm",), "none": ()}
_PROJECTIONS = ("projector", "pred_proj")


@dataclass(frozen=True)
class Heads:
    """Attention heads, which no tensor tells; 0: unknown."""

    encoder: int
    predictor: int


def known_heads(checkpoint: Checkpoint, config: Configuration) -> Heads:
    """Return the heads that the pickled module or the configuration tells.

    Raises:
        ConversionError: They contradict each other, or the encoder is of an unknown kind.
    """
    named = config.number("encoder.num_attention_heads") or _heads_by_size(checkpoint, config)
    pickled = _pickled(checkpoint, "encoder", ("num_attention_heads", "num_heads"))
    predictor = _pickled(checkpoint, "predictor", ("heads",))
    for what, one, other in (
        ("encoder", named, pickled),
        ("predictor", config.number("predictor.heads"), predictor),
    ):
        if one and other and one != other:
            raise ConversionError(
                f"{config.path} says that the {what} has {one} heads, {checkpoint.path} says "
                f"{other}: they are of different trainings"
            )
    return Heads(
        encoder=named or pickled or 0,
        predictor=config.number("predictor.heads") or predictor or 0,
    )


def _heads_by_size(checkpoint: Checkpoint, config: Configuration) -> int | None:
    """Return the heads that the encoder's ``size`` names, if nothing else overrides it."""
    size = config.find("encoder.size")
    if not isinstance(size, str) or size not in SIZES:
        return None
    width, heads = SIZES[size]
    (*_, found) = checkpoint.shape("encoder.embeddings.cls_token") or (0,)
    if config.number("encoder.hidden_size") is None and found != width:
        raise ConversionError(
            f"{config.path} says that the encoder has the size {size}, {width} features, but the "
            f"checkpoint's has {found}: the two are of different trainings"
        )
    return heads


def derive_architecture(
    checkpoint: Checkpoint, config: Configuration, heads: Heads
) -> Architecture:
    """Derive the sizes of all networks.

    Args:
        checkpoint: The checkpoint.
        config: What ``config.json`` says.
        heads: Both known.

    Raises:
        ConversionError: The configuration contradicts the checkpoint, or this is another model.
        SpecError: The sizes contradict each other.
    """
    _check_kinds(checkpoint, config)
    names = {our_name(name): name for name in checkpoint.records}

    def shape(name: str, dimensions: int) -> tuple[int, ...]:
        found = checkpoint.shape(names.get(name, name))
        if len(found) != dimensions or 0 in found:
            raise ConversionError(
                f"{checkpoint.path} has the tensor {name} of shape {found}: it is another kind of "
                "model"
            )
        return found

    width, _, _, patch = shape("encoder.patch_embed.proj.weight", 4)
    _, places, _ = shape("encoder.pos_embed", 3)
    _, frames, latent = shape("predictor.pos_embedding", 3)
    inner = shape("predictor.transformer.layers.0.attn.to_qkv.weight", 2)
    hidden, _ = shape("predictor.transformer.layers.0.mlp.net.1.weight", 2)
    pred_proj, predicted = shape("pred_proj.net.0.weight", 2)
    embedded, action_mlp = shape("action_encoder.embed.2.weight", 2)
    smoothed, _, _ = shape("action_encoder.patch_embed.weight", 3)
    dim_head = config.number("predictor.dim_head") or inner[0] // (3 * heads.predictor)
    if inner[0] != 3 * heads.predictor * dim_head:
        raise ConversionError(
            f"{checkpoint.path}: its predictor's attention has {inner[0] // 3} features, which are "
            f"no {heads.predictor} heads of {dim_head}: give the number of heads of this training"
        )
    architecture = Architecture(
        encoder=EncoderArchitecture(
            width=width,
            depth=_count(names, r"encoder\.blocks\.(\d+)\."),
            heads=heads.encoder,
            mlp_dim=shape("encoder.blocks.0.mlp.fc1.weight", 2)[0],
            patch=patch,
            grid=math.isqrt(places - 1),
        ),
        predictor=PredictorArchitecture(
            depth=_count(names, r"predictor\.transformer\.layers\.(\d+)\."),
            heads=heads.predictor,
            dim_head=dim_head,
            mlp_dim=hidden,
            width=inner[1],
            frames=frames,
        ),
        latent=latent,
        projector_dim=shape("projector.net.0.weight", 2)[0],
        pred_proj_dim=pred_proj,
        predicted=predicted,
        action_emb_dim=embedded,
        smoothed_dim=smoothed,
        action_mlp_dim=action_mlp,
        projection_norm=_norm(names),
    )
    _check_agreement(architecture, config, action_width(checkpoint))
    _check_modules(checkpoint, architecture)
    return architecture


def action_width(checkpoint: Checkpoint) -> int:
    """Return the numbers of one model step's action: ``frameskip`` environment actions.

    Raises:
        ConversionError: The action encoder is another.
    """
    found = checkpoint.shape("action_encoder.patch_embed.weight")
    if len(found) != 3 or found[2] != 1 or not found[1]:
        raise ConversionError(
            f"{checkpoint.path}: its action encoder has weights of shape {found} instead of "
            "(features, numbers, 1)"
        )
    return found[1]


def _check_agreement(architecture: Architecture, config: Configuration, numbers: int) -> None:
    encoder, predictor = architecture.encoder, architecture.predictor
    for key, found in (
        ("encoder.patch_size", encoder.patch),
        ("encoder.image_size", encoder.patch * encoder.grid),
        ("encoder.hidden_size", encoder.width),
        ("encoder.num_hidden_layers", encoder.depth),
        ("encoder.intermediate_size", encoder.mlp_dim),
        ("encoder.layer_norm_eps", EPS),
        ("predictor.num_frames", predictor.frames),
        ("predictor.depth", predictor.depth),
        ("predictor.mlp_dim", predictor.mlp_dim),
        ("predictor.dim_head", predictor.dim_head),
        ("predictor.input_dim", architecture.latent),
        ("predictor.hidden_dim", predictor.width),
        ("predictor.output_dim", architecture.predicted),
        ("action_encoder.input_dim", numbers),
        ("action_encoder.smoothed_dim", architecture.smoothed_dim),
        ("action_encoder.emb_dim", architecture.action_emb_dim),
        ("projector.input_dim", encoder.width),
        ("projector.hidden_dim", architecture.projector_dim),
        ("projector.output_dim", architecture.latent),
        ("pred_proj.input_dim", architecture.predicted),
        ("pred_proj.hidden_dim", architecture.pred_proj_dim),
        ("pred_proj.output_dim", architecture.latent),
    ):
        config.check_agrees(key, found)
    for part in _PROJECTIONS:
        for entry, known in (
            ("act_fn", ("GELU",)), ("norm_fn", _NORMS[architecture.projection_norm])
        ):  # fmt: skip
            said = config.find(f"{part}.{entry}")
            said = said.get("_target_") if isinstance(said, Mapping) else said
            if isinstance(said, str) and said.rpartition(".")[2] not in known:
                raise ConversionError(
                    f"{config.path} says {part}.{entry} is {one_line(said, 60)}, which is not what "
                    "the checkpoint's tensors and LeWM have: the two are of different trainings"
                )


def _check_kinds(checkpoint: Checkpoint, config: Configuration) -> None:
    """Check what tensors do not show: activations and the norms' epsilon."""
    encoder = checkpoint.module.children["encoder"] if checkpoint.module else None
    settings = encoder.settings if encoder else {}
    for key, wanted in (("hidden_act", "gelu"), ("layer_norm_eps", EPS)):
        for where, said in (
            (str(checkpoint.path), settings.get(key)),
            (str(config.path), config.find(f"encoder.{key}")),
        ):
            if said is not None and said != wanted:
                raise ConversionError(
                    f"{where}: its encoder has {key} {said!r}; only {wanted!r} is known"
                )


def _check_modules(checkpoint: Checkpoint, architecture: Architecture) -> None:
    """Check what a pickled model computes where no tensor shows it: activations, norms, epsilon."""
    for name, module in checkpoint.module.modules() if checkpoint.module else ():
        if name.startswith("encoder.pooler"):  # not used
            continue
        kind, said = module.class_name.rpartition(".")[2], module.attributes
        in_encoder = name.startswith("encoder.")
        known: tuple[str, ...] = ()
        if name in (f"{part}.net.1" for part in _PROJECTIONS):
            known = _NORMS[architecture.projection_norm] or ("Identity",)
        elif not module.children and not module.records():
            places = (kinds for place, kinds in _LEAVES if place.fullmatch(name))
            known = _ENCODER_LEAVES if in_encoder else next(places, ())
        if known and kind not in known:
            raise ConversionError(
                f"{checkpoint.path} has {one_line(module.class_name, 60)} as {name}, where LeWM "
                f"has {' or '.join(known)}: it is another kind of model"
            )
        wanted = EPS if in_encoder else 1e-6 if name.endswith(("norm1", "norm2")) else 1e-5
        for entry, value in (("eps", wanted), ("approximate", "none")):
            if said.get(entry, value) != value:
                raise ConversionError(
                    f"{checkpoint.path} has {one_line(str(said[entry]), 60)} as {entry} of {name}, "
                    f"where LeWM has {value}: it is another kind of model"
                )


def _pickled(checkpoint: Checkpoint, part: str, names: tuple[str, ...]) -> int | None:
    """Return a number that the modules of a part hold as an attribute or in their settings."""
    module = checkpoint.module.children.get(part) if checkpoint.module else None
    if module is None:
        return None
    found: set[Any] = {
        held[name]
        for _, below in module.modules()
        for held in (below.attributes, below.settings)
        for name in names
        if type(held.get(name)) is int
    }
    if len(found) > 1:
        raise ConversionError(f"{checkpoint.path}: layers of its {part} differ in their heads")
    return next(iter(found), None)


def _norm(names: dict[str, str]) -> str:
    kinds = set()
    for part in ("projector", "pred_proj"):
        if f"{part}.net.1.running_var" in names:
            kinds.add("batch")
        else:
            kinds.add("layer" if f"{part}.net.1.weight" in names else "none")
    if len(kinds) > 1:
        raise ConversionError("projector and pred_proj have different norms: it is not LeWM's")
    return kinds.pop()


def _count(names: dict[str, str], pattern: str) -> int:
    """Return how many numbered layers there are, at least one."""
    return max(1, len({found[1] for name in names if (found := re.match(pattern, name))}))
