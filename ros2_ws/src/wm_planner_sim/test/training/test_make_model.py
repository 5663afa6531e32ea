"""`make model` from its command line to a model that loads, with too few episodes to learn much."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from wm_planner.models.loading import load
from wm_planner.models.spec import Calibration
from wm_planner_sim.training import make_model
from wm_planner_sim.training.recipes import Schedule

pytestmark = pytest.mark.sim
SHORT = Schedule(steps=20, batch=8, rate=2e-3)
CALIBRATED = Calibration(noise_floor=0.01, typical_distance=1.0, tolerance=0.1)


@pytest.fixture
def short_recipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A training of seconds, and settings of torch that end with the test.

    Such a model cannot be calibrated.
    """
    recipe = replace(make_model.RECIPES["reach"], steps=6, tolerance=0.1)
    recipe = replace(recipe, encoder=SHORT, predictor=SHORT, decoder=SHORT)
    monkeypatch.setattr(make_model, "RECIPES", {"reach": recipe})
    monkeypatch.setattr(make_model, "calibrate", lambda *_: CALIBRATED)
    monkeypatch.setattr(make_model, "POLICIES", ("zero",))
    before = torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(before)


@pytest.mark.usefixtures("short_recipe")
def test_a_model_is_made_and_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "model"
    few = ["--episodes=2", "--goals=1", "--processes=1", f"--output={output}"]
    make_model.main(["--task=reach", *few, "--json"])
    report = json.loads(capsys.readouterr().out)
    assert json.loads((output / "evaluation.json").read_text()) == report
    assert report["command"].endswith("--task reach --seed 0 --episodes 2 --goals 1")
    spec = load(output, "cpu").spec
    assert report["weights_sha256"] == spec.weights.sha256
    assert (spec.name, spec.statistics.provenance.episodes) == ("franka_reach", 2)
