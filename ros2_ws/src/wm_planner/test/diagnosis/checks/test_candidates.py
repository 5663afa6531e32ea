"""Whether the cost tells good candidates from bad ones, on models that do and that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lewm_runs import EPISODES, PICKLED, convert_lewm, random_lewm
from torch import Tensor

from wm_planner.config import Config
from wm_planner.diagnosis.camera_examiner import CameraExaminer
from wm_planner.diagnosis.check_result import Result
from wm_planner.diagnosis.checks.candidates import CHECK, MOST, random_actions
from wm_planner.diagnosis.examined import LoadedModel, PlanningTasks
from wm_planner.diagnosis.model_calls import encode
from wm_planner.diagnosis.planning_losses import PlanningTask
from wm_planner.models.loading import load
from wm_planner.models.protocol import Latent, WorldModel
from wm_planner.models.spec import ModelSpec


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> WorldModel:
    """A model that was trained until it plans."""
    output = tmp_path_factory.mktemp("lewm") / "model"
    return load(convert_lewm(PICKLED, output, dataset=EPISODES).directory, "cpu")


def results(model: WorldModel, change: Any = None, horizon: int = 5) -> dict[str, Result]:
    """Run the check on three windows of the recorded episode."""
    reference = np.load(PICKLED.parent / "reference.npz")
    latents = encode(model, reference["images_raw"], None)
    blocks = torch.from_numpy(reference["action_blocks"])
    tasks = []
    for start in range(3):
        frames = [Latent(latents.visual[i : i + 1]) for i in (start, start + horizon)]
        recorded: Tensor = blocks[None, start : start + horizon]
        tasks.append(PlanningTask(*frames, recorded if change is None else change(recorded)))
    camera = CameraExaminer(Config(), model.spec)
    found = CHECK.run(PlanningTasks(LoadedModel(model, camera, Path()), tasks, horizon))
    return {result.name: result for result in found if isinstance(result, Result)}


def test_a_model_that_plans_tells_candidates_apart(model: WorldModel) -> None:
    found = results(model)
    assert found["cost_spread"].verdict == found["recorded_rank"].verdict == "ok"
    assert found["cost_spread"].score > 0.4
    assert found["recorded_rank"].score < 0.05


def test_a_model_that_ignores_actions_does_not(model: WorldModel) -> None:
    deaf = random_lewm(model.spec)
    deaf.networks.load_state_dict(model.networks.state_dict())  # type: ignore[attr-defined]
    torch.nn.init.zeros_(deaf.networks.action_encoder.patch_embed.weight)
    deaf.use("float32", "eager")
    found = results(deaf)["cost_spread"]
    assert (found.verdict, round(found.score, 3)) == ("warn", 0.0)
    assert "little better than chance" in found.sentence


def test_actions_that_lead_away_rank_low(model: WorldModel) -> None:
    found = results(model, lambda recorded: -3 * recorded)["recorded_rank"]
    assert found.verdict == "warn"
    assert found.score > 0.5
    assert "50% would be chance" in found.sentence


def test_without_recorded_actions_nothing_is_ranked(model: WorldModel) -> None:
    assert results(model, lambda recorded: None).keys() == {"cost_spread"}


def test_candidates_keep_the_bounds_and_the_fixed_numbers(spec: ModelSpec) -> None:
    spec.action.fixed = {"dz": 0.01}
    draws = random_actions(spec, 4).numpy()
    assert draws.shape == (MOST, 4, 3)
    physical = spec.denormalize_actions(draws)
    assert physical.min() >= -0.05 - 1e-6
    assert physical.max() <= 0.05 + 1e-6
    np.testing.assert_allclose(physical[..., 2], 0.01, atol=1e-6)
    assert physical[..., 0].std() > 0.01
