"""Small DINO-WM models with random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from wm_planner.models.dino_wm.architecture import (
    Architecture,
    DecoderArchitecture,
    EncoderArchitecture,
    PredictorArchitecture,
)
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.dino_wm.networks import Networks
from wm_planner.models.spec import (
    ActionSpec,
    ImageSpec,
    ModelSpec,
    Moments,
    ProprioSpec,
    Statistics,
    Training,
    WeightsFile,
)


def make_spec(architecture: Architecture, image_size: int, frameskip: int, **changes) -> ModelSpec:
    """A spec of two numbers per action and, unless changed, four of proprio."""
    settings = {
        "name": "toy",
        "family": "dino_wm",
        "weights": WeightsFile(sha256=""),
        "image": ImageSpec(size=image_size),
        "action": ActionSpec(["ax", "ay"], ["N", "N"], "world"),
        "statistics": Statistics(
            Moments([0.1, -0.2], [0.8, 1.2]), Moments([1.0, 2.0, 0.0, -1.0], [3.0, 2.0, 1.0, 0.5])
        ),
        "training": Training(1, 1, 0),
        "control_rate": 10.0,
        "num_hist": architecture.predictor.frames,
        "frameskip": frameskip,
        "proprio": ProprioSpec(["x", "y", "vx", "vy"], ["m", "m", "m/s", "m/s"]),
        "architecture": architecture.to_dict(),
    }
    return ModelSpec(**{**settings, **changes})


def small_architecture(
    *,
    num_hist: int = 2,
    concat_dim: int = 1,
    repeats: tuple[int, int] = (1, 1),
    feature_key: str = "x_norm_patchtokens",
    registers: int = 0,
    mlp: str = "mlp",
    quantize: bool = False,
) -> Architecture:
    """Four patches of 24 features; ``repeats`` are those of action and proprio."""
    encoder = EncoderArchitecture(
        "dinov2_vits14", feature_key, 24, 2, 2, registers, mlp, grid=5, input_size=28
    )
    embedded = (5, 3) if concat_dim else (24, 24)
    width = 24 + concat_dim * (embedded[0] * repeats[0] + embedded[1] * repeats[1])
    tokens = encoder.tokens + 2 * (1 - concat_dim)
    return Architecture(
        encoder,
        PredictorArchitecture(2, 2, 8, 32, width, tokens, num_hist),
        DecoderArchitecture(24, 8, 6, 1, 4, quantize),
        concat_dim,
        embedded[0],
        repeats[0],
        embedded[1],
        repeats[1],
    )


def random_model(
    directory: Path,
    spec_changes: dict[str, object] | None = None,
    device: str = "cpu",
    **settings: object,
) -> DinoWorldModel:
    """Make a model whose every tensor is random; takes ``small_architecture``'s settings."""
    spec = make_spec(small_architecture(**settings), 32, 2, **(spec_changes or {}))
    generator = torch.Generator().manual_seed(7)
    tensors = {
        name: 0.3 * torch.randn(tensor.shape, generator=generator)
        for name, tensor in Networks(spec).state_dict().items()
    }
    save_file(tensors, directory / "weights.safetensors")
    return DinoWorldModel(spec, directory / "weights.safetensors", torch.device(device))
