"""Goals with masks: what counts in the distance of a DINO-WM model, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from wm_planner.config import Config, ModelConfig, PlanningConfig
from wm_planner.models.batch import ObservationError
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.goals import encode_goal
from wm_planner.types import Goal, Observation
from wm_planner.worker.engine import Engine
from wm_planner.worker.messages import PlanOnce, PlanRequest, SetGoal

Maker = Callable[..., DinoWorldModel]


def test_a_goal_without_masks_counts_wholly(random_model: Maker) -> None:
    model = random_model()
    assert model.token_grid == (2, 2)
    image = np.zeros((80, 160, 3), np.uint8)
    latent = encode_goal(model, Goal(Observation((image,), np.zeros(4))))
    assert latent.weights.tolist() == [[[1.0, 1.0, 1.0, 1.0]]]
    assert latent.masked.tolist() == [[False]]


def test_a_model_of_class_tokens_takes_no_masks(random_model: Maker) -> None:
    model = random_model(feature_key="x_norm_clstoken")
    goal = Goal(Observation((np.zeros((64, 64, 3), np.uint8),), np.zeros(4)))
    assert encode_goal(model, goal).weights is None
    with pytest.raises(ObservationError, match="compares whole images"):
        encode_goal(model, replace(goal, weights=np.ones((1, 2, 2), np.float32)))


def test_weights_of_another_grid_are_refused(random_model: Maker) -> None:
    goal = Goal(Observation((np.zeros((64, 64, 3), np.uint8),)), 0.0, np.ones((1, 3, 3)))
    with pytest.raises(ObservationError, match=r"masks are for .*\(1, 3, 3\), but model"):
        encode_goal(random_model(), goal)


@pytest.fixture(scope="module")
def engine(model_directory: Path, device: str) -> Engine:
    planning = PlanningConfig(
        preset="dino_wm", horizon=2, num_samples=8, num_elites=2, iterations=2, budget=0.0
    )
    return Engine(Config(ModelConfig(str(model_directory), device, precision="float32"), planning))


@pytest.fixture(scope="module")
def scene() -> tuple[Observation, Goal, np.ndarray]:
    """What is seen, a goal with a mask in its lower right, and the goal's image."""
    rng = np.random.default_rng(0)
    now, then = (rng.integers(0, 256, (224, 224, 3), dtype=np.uint8) for _ in range(2))
    weights = np.zeros((1, 14, 14), np.float32)
    weights[0, 7:, 10:13] = 1
    start = Observation((now,), np.array([1.0, 2.0, 0.0, 0.0]))
    return start, Goal(Observation((then,)), weights=weights), then


def test_costs_are_those_of_the_tokens_in_the_mask(engine: Engine, scene) -> None:
    start, goal, then = scene
    latent, wanted = engine._encode(start), encode_goal(engine._model, goal)
    actions = torch.randn(1, 5, 2, engine.spec.model_action_dim, device=engine._model.device)
    with torch.inference_mode():
        costs = engine._scoring.cost(latent, wanted)(actions)
        rollout = engine._model.rollout(latent, actions)
    plain = engine._encode(Observation((then,), np.zeros(4))).visual[0, 0]
    far = (rollout.visual[0, :, -1] - plain).square().mean(dim=-1).unflatten(-1, (14, 14))
    torch.testing.assert_close(costs[0], far[:, 7:, 10:13].mean(dim=(1, 2)), rtol=1e-4, atol=1e-6)


def _once(start: Observation, goal: Goal) -> PlanOnce:
    return PlanOnce(0, start, goal, seed=0)


def test_the_proprio_counts_only_without_masks(engine: Engine, scene) -> None:
    start, goal, then = scene
    costs = []
    for proprio in (np.zeros(4), np.ones(4)):
        states = Observation((then,), proprio)
        costs += [
            engine.answer(_once(start, Goal(states))).cost_history,
            engine.answer(_once(start, replace(goal, observation=states))).cost_history,
        ]
    assert costs[0] != costs[2]
    assert costs[1] == costs[3]
    white = replace(goal, weights=np.ones((1, 14, 14), np.float32))
    histories = [
        engine.answer(_once(start, replace(white, observation=Observation((then,), proprio))))
        for proprio in (None, np.ones(4), np.full(4, 1e20))
    ]
    assert len({tuple(plan.cost_history) for plan in histories}) == 1, "also with a white mask"
    without = engine.answer(_once(start, goal)).cost_history
    assert without == costs[1], "a goal with masks needs no proprio"


def test_the_goal_under_way_has_its_masks(engine: Engine, scene) -> None:
    start, goal, then = scene
    engine.set_goal(SetGoal(1, goal))
    masked = engine.answer(PlanRequest(1, start)).distance
    engine.set_goal(SetGoal(2, Goal(Observation((then,), np.zeros(4)))))
    assert engine.answer(PlanRequest(2, start)).distance != pytest.approx(masked, rel=1e-3)
    engine.set_goal(SetGoal(3, goal))
    assert engine.answer(PlanRequest(3, start)).distance == pytest.approx(masked, rel=1e-6)


def test_the_distance_without_the_masks_is_told_too(engine: Engine, scene) -> None:
    start, goal, then = scene
    masked = engine.answer(_once(start, goal))
    middle = np.array(engine.spec.statistics.proprio.mean)
    whole = engine.answer(_once(start, Goal(Observation((then,), middle))))
    assert whole.whole_distance is None
    assert masked.whole_distance == pytest.approx(whole.distance, rel=1e-5)
    assert masked.whole_distance != pytest.approx(masked.distance, rel=1e-3)
