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
from wm_planner.models.goal_weights import token_weights
from wm_planner.models.spec import ImageSpec
from wm_planner.types import Goal, Observation
from wm_planner.worker.engine import Engine
from wm_planner.worker.messages import PlanOnce, PlanRequest, SetGoal

Maker = Callable[..., DinoWorldModel]


def _goal(shape: tuple[int, int], rows: slice, columns: slice, value: int = 255) -> Goal:
    mask = np.zeros(shape, np.uint8)
    mask[rows, columns] = value
    image = np.zeros((*shape, 3), np.uint8)
    return Goal(Observation((image,)), masks=(mask,))


def test_a_token_counts_as_much_as_its_part_of_the_mask(random_model: Maker) -> None:
    """The model sees the middle 80x80 pixels of 80x160, as 2x2 tokens of 40x40."""
    model = random_model()
    assert model.token_grid == (2, 2)
    everything = token_weights(model, Goal(Observation((np.zeros((80, 160, 3), np.uint8),))))
    assert everything.tolist() == [[[1.0, 1.0, 1.0, 1.0]]]
    upper_right = token_weights(model, _goal((80, 160), slice(0, 40), slice(80, 160)))
    torch.testing.assert_close(
        upper_right.cpu(), torch.tensor([[[0.0, 1.0, 0.0, 0.0]]]), rtol=0, atol=0.02
    )
    half = token_weights(model, _goal((80, 160), slice(40, 60), slice(0, 160), 153))
    torch.testing.assert_close(
        half.cpu(), torch.tensor([[[0.0, 0.0, 0.3, 0.3]]]), rtol=0, atol=0.02
    )


def test_a_mask_is_cropped_as_its_image(random_model: Maker) -> None:
    right = ImageSpec(size=32, camera_crop=[0.5, 0.0, 0.5, 1.0])
    model = random_model(spec_changes={"image": right})
    weights = token_weights(model, _goal((80, 160), slice(0, 80), slice(80, 120)))
    torch.testing.assert_close(
        weights.cpu(), torch.tensor([[[1.0, 0.0, 1.0, 0.0]]]), rtol=0, atol=0.02
    )


def test_masks_that_leave_nothing_are_refused(random_model: Maker) -> None:
    with pytest.raises(ObservationError, match="black in all of what the model sees"):
        token_weights(random_model(), _goal((80, 160), slice(0, 80), slice(0, 30)))


def test_a_model_of_class_tokens_takes_no_masks(random_model: Maker) -> None:
    model = random_model(feature_key="x_norm_clstoken")
    goal = _goal((64, 64), slice(0, 30), slice(0, 30))
    assert token_weights(model, replace(goal, masks=())) is None
    with pytest.raises(ObservationError, match="compares whole images"):
        token_weights(model, goal)


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
    size = 224  # as the model's, so that a token is made of 16x16 pixels
    now, then = (rng.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(2))
    goal = _goal((size, size), slice(112, 224), slice(160, 208))
    start = Observation((now,), np.array([1.0, 2.0, 0.0, 0.0]))
    return start, replace(goal, observation=Observation((then,))), then


def test_costs_are_those_of_the_tokens_in_the_mask(engine: Engine, scene) -> None:
    start, goal, then = scene
    latent, wanted = engine._encode(start), engine._encode_goal(goal)
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
