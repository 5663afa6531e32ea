"""What ways to compute rollouts are compared on: candidates, and goals with and without a mask."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import small_dino_wm
import torch

from wm_planner.config import Config
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.planning import captured
from wm_planner.types import Observation
from wm_planner.worker import trials
from wm_planner.worker.trials import Course, Trial, Way


@pytest.fixture
def model(tmp_path, device) -> DinoWorldModel:
    return small_dino_wm.random_model(tmp_path, device=device)


def tried(model: DinoWorldModel, way: Way) -> Trial:
    """Try a way on a short horizon."""
    config = Config()
    config.planning.horizon = 2
    with torch.inference_mode():
        return Course(model, config).trial(way)


@pytest.mark.usefixtures("captures")
def test_one_graph_serves_a_goal_with_and_without_a_mask(model, monkeypatch) -> None:
    made, capture = [], captured.capture
    monkeypatch.setattr(captured, "capture", lambda *a: (made.append(a), capture(*a))[1])
    tried(model, Way("float32", "graphs"))
    of_actions = [a for _, a in made if a.shape[-1] == model.spec.model_action_dim]
    assert (len(of_actions), len(made)) == (1, 2)  # the other one is the encoder's


def test_a_model_without_image_tokens_is_tried_with_whole_images(model, monkeypatch) -> None:
    monkeypatch.setattr(model, "token_grid", None)
    trial = tried(model, Way())
    assert (trial.elites, trial.cost) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("grid", "rows", "columns"),
    [((14, 14), (5, 9), (5, 9)), ((16, 9), (5, 10), (3, 6)), ((2, 1), (0, 1), (0, 1))],
)
def test_about_a_tenth_of_the_tokens_counts_for_the_masked_goal(grid, rows, columns) -> None:
    model: Any = SimpleNamespace(token_grid=grid, spec=SimpleNamespace(views=["front", "wrist"]))
    whole, masked = trials._goals(model, Observation(()))
    assert whole.weights is None
    counted = np.zeros((2, *grid))
    counted[:, slice(*rows), slice(*columns)] = 1
    np.testing.assert_array_equal(masked.weights, counted)
