"""The answers of the worker's engine with the embedded model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from wm_planner.config import Config
from wm_planner.models.batch import ObservationError
from wm_planner.models.spec import Moments
from wm_planner.types import Goal, Observation
from wm_planner.worker.engine import Engine
from wm_planner.worker.messages import PlanOnce, PlanRequest, SetGoal
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.simulation import Simulation

pytestmark = pytest.mark.sim
DIRECTORY = Path(__file__).parents[2] / "models" / "franka_reach"
SEED = seeds.EVALUATION[3000]


@pytest.fixture(scope="module")
def observations() -> Iterator[tuple[Observation, Observation]]:
    """Observations of the start and of the goal."""
    with closing(Simulation(192, 256, seed=SEED)) as simulation:
        yield (
            Observation((simulation.render(),), stamp=0.0),
            Observation((simulation.sample_goal(SEED).image,)),
        )


def _engine(**planning: object) -> Engine:
    config = Config()
    config.model.directory = str(DIRECTORY)
    config.worker.threads = 1
    for name, value in planning.items():
        setattr(config.planning, name, value)
    return Engine(config)


def test_the_plan_is_in_physical_units_and_inside_the_spec_s_bounds(
    observations: tuple[Observation, Observation],
) -> None:
    engine = _engine()
    engine.set_goal(SetGoal(1, Goal(observations[1])))
    plan = engine.answer(PlanRequest(1, replace(observations[0], stamp=10.0)))
    assert plan.actions.shape == (5, 3)
    assert (np.abs(plan.actions) <= 0.05 + 1e-6).all()
    assert (plan.goal_id, plan.stamp) == (1, 10.0)
    assert plan.cost_history[-1] <= plan.cost_history[0]
    assert plan.distance > engine.spec.calibration.tolerance


def test_the_same_seed_gives_the_same_plan(observations: tuple[Observation, Observation]) -> None:
    plans = []
    for _ in range(2):
        engine = _engine(seed=7)
        engine.set_goal(SetGoal(1, Goal(observations[1])))
        plans.append(engine.answer(PlanRequest(1, observations[0])).actions)
    np.testing.assert_array_equal(plans[0], plans[1])


def test_the_warm_start_is_shifted_by_the_elapsed_model_steps(
    observations: tuple[Observation, Observation],
) -> None:
    engine = _engine()
    engine.set_goal(SetGoal(1, Goal(observations[1])))
    engine.answer(PlanRequest(1, replace(observations[0], stamp=10.0)))
    assert engine._previous is not None
    _, actions = engine._previous
    for stamp, first in ((10.05, 0), (10.2, 1), (10.4, 2)):
        warm = engine._warm_start(stamp)
        assert warm is not None
        assert torch.equal(warm[:, 0], actions[:, first])
        assert torch.equal(warm[:, -1], actions[:, -1])  # the last action, not zero
    assert engine._warm_start(11.0) is None  # the whole plan has passed
    assert engine._warm_start(9.0) is None  # the clock went back


def test_a_new_goal_forgets_the_previous_plan(
    observations: tuple[Observation, Observation],
) -> None:
    engine = _engine()
    engine.set_goal(SetGoal(1, Goal(observations[1])))
    first = engine.answer(PlanRequest(1, observations[0])).actions
    engine.set_goal(SetGoal(2, Goal(observations[1])))
    np.testing.assert_array_equal(
        engine.answer(PlanRequest(2, replace(observations[0], stamp=0.2))).actions, first
    )


def test_plan_once_does_not_change_the_warm_start_of_the_goal(
    observations: tuple[Observation, Observation],
) -> None:
    engine = _engine()
    engine.set_goal(SetGoal(1, Goal(observations[1])))
    engine.answer(PlanRequest(1, observations[0]))
    before = engine._previous
    engine.answer(PlanOnce(-2, observations[0], Goal(observations[0]), preset="full", seed=3))
    assert engine._previous is before


def test_a_plan_before_any_goal_is_an_error(observations: tuple[Observation, Observation]) -> None:
    with pytest.raises(ObservationError, match="before a goal was set"):
        _engine().answer(PlanRequest(1, observations[0]))


def test_latents_of_training_score_below_one_and_unusual_ones_above(
    observations: tuple[Observation, Observation],
) -> None:
    engine = _engine()
    request = PlanOnce(-2, observations[0], Goal(observations[1]))
    usual = engine.answer(request).latent_score
    assert usual is not None
    assert usual <= 1.0
    latent = engine.spec.calibration.latent
    assert latent is not None
    far = [m + 10 * s for m, s in zip(latent.mean, latent.std, strict=True)]
    engine.spec.calibration.latent = Moments(far, latent.std)
    unusual = engine.answer(request).latent_score
    assert unusual is not None
    assert unusual > 1.0
    engine.spec.calibration.latent = None
    assert engine.answer(request).latent_score is None
