"""A small spec for tests that need no trained model; waiting, a clock and devices for all."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from wm_planner.models.spec import (
    ActionSpec,
    Calibration,
    CommandMapping,
    ImageSpec,
    ModelSpec,
    Moments,
    Provenance,
    Statistics,
    Training,
    WeightsFile,
)

sys.path.insert(0, str(Path(__file__).parent / "support"))  # helpers of several rooms

# The same examples everywhere, so that a failure can be repeated; an example's time says nothing on
# a busy machine. `settings.register_profile("wm_planner", derandomize=False)` searches further.
settings.register_profile("wm_planner", deadline=None, derandomize=True)
settings.load_profile("wm_planner")

PATIENCE = 60.0  # [s] only a broken program takes as long

Until = Callable[..., None]


@pytest.fixture(scope="session")
def patience() -> float:
    """How long to wait for what must happen [s]; it proves nothing, and only ends the test."""
    return PATIENCE


@pytest.fixture(scope="session")
def until() -> Until:
    """Does something again and again until something is so; fails where it never is."""

    def wait(
        so: Callable[[], bool], meanwhile: Callable[[], object], told: Callable[[], object] = str
    ) -> None:
        end = time.monotonic() + PATIENCE
        while not so():
            assert time.monotonic() < end, told()
            meanwhile()

    return wait


class Clock:
    """Stands for the module ``time``; its steady time passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0  # [s]

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Clock]:
    """Gives modules a clock that stands still."""

    def give(*modules: ModuleType) -> Clock:
        clock = Clock()
        for module in modules:
            monkeypatch.setattr(module, "time", clock)
        return clock

    return give


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest) -> str:
    """Where to compute: what is meant for a GPU is called on the CPU too."""
    if request.param == "cuda":
        torch = pytest.importorskip("torch")
        if not torch.cuda.is_available():
            pytest.skip("there is no CUDA device")
    return str(request.param)


@pytest.fixture
def spec() -> ModelSpec:
    """Displacements in x, y, z [m], 5 Hz, one environment step per model step."""
    spec = ModelSpec(
        name="toy",
        family="latent",
        weights=WeightsFile(sha256="0" * 64),
        image=ImageSpec(size=64),
        action=ActionSpec(
            names=["dx", "dy", "dz"],
            units=["m"] * 3,
            frame="base",
            lower=[-0.05] * 3,
            upper=[0.05] * 3,
            command=CommandMapping(mode="relative", position=["dx", "dy", "dz"]),
        ),
        statistics=Statistics(
            action=Moments(mean=[0.001, 0.002, -0.001], std=[0.02, 0.03, 0.025]),
            provenance=Provenance(
                dataset="toy", dataset_sha256="ab" * 32, split="train", episodes=3, steps=60,
                formula="mean and std, ddof 1",
            ),
        ),
        calibration=Calibration(noise_floor=0.01, typical_distance=1.0, tolerance=0.05),
        training=Training(epoch=10, epochs=10, seed=0),
        control_rate=5.0,
    )  # fmt: skip
    spec.statistics.sha256 = spec.statistics.digest()
    return spec
