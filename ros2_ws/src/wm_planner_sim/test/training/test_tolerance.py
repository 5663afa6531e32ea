"""The tolerance is the model's distance between images of the hand that far apart."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from wm_planner.models.spec import load_spec
from wm_planner_sim.client.processes import embedded_model
from wm_planner_sim.training import tolerance

pytestmark = pytest.mark.sim
METERS = {"reach": 0.173, "push": 0.141}
"""Of one unit of the embedded model's latent: its card."""


@pytest.mark.parametrize(("task", "away"), [("reach", 0.01), ("reach", 0.03), ("push", 0.03)])
def test_the_tolerance_follows_the_distance(tmp_path: Path, task: str, away: float) -> None:
    model = Path(shutil.copytree(embedded_model(task), tmp_path / "model"))
    tolerance.main([str(model), "--task", task, "--away", str(away), "--scenes", "5"])
    spec = load_spec(model)
    before, after = load_spec(embedded_model(task)).calibration, spec.calibration
    assert before is not None
    assert after is not None
    expected = away / METERS[task] / before.typical_distance
    assert after.tolerance == pytest.approx(expected, rel=0.4)
    assert after.typical_distance == before.typical_distance
