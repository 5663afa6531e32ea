"""The genuine reference run as a model, and small random models of other kinds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from wm_planner.models.dino_wm.architecture import (
    Architecture,
    DecoderArchitecture,
    EncoderArchitecture,
    PredictorArchitecture,
)
from wm_planner.models.dino_wm.convert import Request, convert
from wm_planner.models.dino_wm.facts import ActionFacts, Facts, ProprioFacts
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.dino_wm.networks import Networks
from wm_planner.models.loading import load
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

sys.path.insert(0, str(Path(__file__).parent))  # for ``restated``


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


@pytest.fixture(scope="session")
def reference_run() -> Path:
    """The folder of the genuine run and of what upstream computed with it."""
    return Path(__file__).parents[2] / "data" / "dino_wm"


@pytest.fixture(scope="session")
def reference(reference_run: Path) -> dict[str, Tensor]:
    """What upstream computed, by the names of ``reference.npz``."""
    return {k: torch.from_numpy(v) for k, v in np.load(reference_run / "reference.npz").items()}


@pytest.fixture(scope="session")
def model_directory(reference_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference run, converted."""
    wanted = Request(
        run=reference_run / "outputs/tiny",
        output=tmp_path_factory.mktemp("converted") / "tiny",
        encoder=reference_run / "dinov2_tiny_pretrain.pth",
        dataset=reference_run / "data/point_maze",
    )
    facts = Facts(
        control_rate=10.0,
        color_order="rgb",
        action=ActionFacts(["fx", "fy"], ["N", "N"], "world"),
        proprio=ProprioFacts(["x", "y", "vx", "vy"], ["m", "m", "m/s", "m/s"]),
        encoder_heads=3,
    )
    return convert(wanted, facts).directory


@pytest.fixture(scope="session")
def model(model_directory: Path) -> DinoWorldModel:
    """The reference run, loaded as any model is."""
    loaded = load(model_directory, "cpu")
    assert isinstance(loaded, DinoWorldModel)
    return loaded


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
    """Four patches of 24 features; repeats are those of action and proprio."""
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


@pytest.fixture
def random_model(tmp_path: Path) -> Callable[..., DinoWorldModel]:
    """Makes a small model whose every tensor is random; takes ``small_architecture``'s settings."""

    def make(spec_changes: dict[str, object] | None = None, **settings: object) -> DinoWorldModel:
        spec = make_spec(small_architecture(**settings), 32, 2, **(spec_changes or {}))
        generator = torch.Generator().manual_seed(7)
        tensors = {
            name: 0.3 * torch.randn(tensor.shape, generator=generator)
            for name, tensor in Networks(spec).state_dict().items()
        }
        save_file(tensors, tmp_path / "weights.safetensors")
        return DinoWorldModel(spec, tmp_path / "weights.safetensors")

    return make
