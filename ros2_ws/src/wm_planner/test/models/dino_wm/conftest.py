"""The genuine reference run as a model, and small random models of other kinds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import small_dino_wm
import torch
from torch import Tensor

from wm_planner.conversion.dino_wm.convert import convert
from wm_planner.conversion.facts import ActionFacts, Facts, ProprioFacts
from wm_planner.conversion.request import Request
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.loading import load


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
    request = Request(
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
    return convert(request, facts).directory


@pytest.fixture(scope="session")
def model(model_directory: Path, device: str) -> DinoWorldModel:
    """The reference run, loaded as any model is, on every device."""
    loaded = load(model_directory, device)
    assert isinstance(loaded, DinoWorldModel)
    return loaded


@pytest.fixture
def random_model(tmp_path: Path, device: str) -> Callable[..., DinoWorldModel]:
    """Make a small model whose every tensor is random; see ``small_dino_wm``."""
    return partial(small_dino_wm.random_model, tmp_path, device=device)
