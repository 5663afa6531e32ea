"""A small spec for tests that need no trained model."""

from __future__ import annotations

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

# The same examples everywhere, so that a failure can be repeated; an example's time says nothing on
# a busy machine. `settings.register_profile("wm_planner", derandomize=False)` searches further.
settings.register_profile("wm_planner", deadline=None, derandomize=True)
settings.load_profile("wm_planner")


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
