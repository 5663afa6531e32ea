"""The engine passes views and proprio to the model, and decodes frames only if requested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from wm_planner.config import Config, PlanningConfig
from wm_planner.models import ModelSpec
from wm_planner.models.batch import ObservationError
from wm_planner.models.goals import encode_goal
from wm_planner.models.spec import Moments, ProprioSpec, SpecError
from wm_planner.planning import shift
from wm_planner.types import Goal, Observation, Past
from wm_planner.worker import engine as engine_module
from wm_planner.worker.engine import Engine
from wm_planner.worker.from_settings import planner_for
from wm_planner.worker.messages import PlanOnce, PlanRequest, Ready, SetGoal

MakeConfig = Callable[..., Config]


def _image(shade: int) -> np.ndarray:
    return np.full((12, 16, 3), shade, np.uint8)


def _two_views(spec: ModelSpec) -> None:
    spec.views = ["front", "wrist"]


def test_every_view_reaches_the_model(toy_config: MakeConfig) -> None:
    engine = Engine(toy_config(_two_views))
    engine.warm_up()
    engine.set_goal(SetGoal(1, Goal(Observation((_image(200), _image(0))))))
    plan = engine.answer(PlanRequest(1, Observation((_image(200), _image(102)))))
    assert plan.distance == pytest.approx(0.4)  # of the second view alone, in [0, 1]


def test_the_masks_of_every_view_reach_the_model(
    toy_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(toy_config(_two_views))
    assert engine.token_grid is None
    monkeypatch.setattr(engine._model, "token_grid", (1, 3), raising=False)
    weights = np.arange(6, dtype=np.float32).reshape(2, 1, 3) / 5
    seen = Observation((_image(200), _image(0)))
    latent = encode_goal(engine._model, Goal(seen, weights=weights))
    assert latent.weights is not None
    torch.testing.assert_close(latent.weights, torch.arange(6.0)[None, None] / 5)
    whole = encode_goal(engine._model, Goal(seen))
    assert whole.weights is not None
    assert whole.weights.tolist() == [[[1.0] * 6]]


@pytest.mark.parametrize("budget", [0.0, 1e-9])
def test_the_warm_up_evaluates_every_shape_of_a_plan(
    toy_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, budget: float
) -> None:
    engine, shapes = Engine(toy_config()), set()
    config = toy_config()
    config.planning.budget = budget
    engine.configure(config)
    rollout = engine._model.rollout

    def seen(latent: Any, actions: Any) -> Any:
        shapes.add(tuple(actions.shape))
        return rollout(latent, actions)

    monkeypatch.setattr(engine._model, "rollout", seen)
    engine.warm_up()
    assert {shape[:2] for shape in shapes} == {(1, 1), (1, config.planning.num_samples or 300)}


def test_the_warm_up_tells_how_long_a_plan_takes(
    toy_config: MakeConfig, clock_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the largest call of the cost, which here takes 2 s."""
    config = toy_config()
    config.planning.num_samples, config.planning.iterations = 32, 4
    engine = Engine(config)
    assert "a plan takes" not in engine.describe()
    clock, rollout = clock_of(engine_module), engine._model.rollout

    def slow(latent: Any, actions: Any) -> Any:
        clock.now += 2.0 * actions.shape[1] / 32
        return rollout(latent, actions)

    monkeypatch.setattr(engine._model, "rollout", slow)
    engine.warm_up()
    assert engine.plan_time == pytest.approx(8.0)
    assert engine.describe().endswith(", a plan takes about 8 s")
    config.planning.budget = 0.5
    engine.configure(config)
    engine.warm_up()
    assert engine.plan_time == 0.5


def test_the_warm_up_needs_no_more_memory_than_plans(
    toy_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(toy_config())
    rollout = engine._model.rollout

    def small(latent: Any, actions: Any) -> Any:
        if actions.shape[1] > 8:
            raise torch.OutOfMemoryError("no memory for more than 8")
        return rollout(latent, actions)

    monkeypatch.setattr(engine._model, "rollout", small)
    engine.warm_up()
    assert engine.plan_time > 0


def test_plans_that_take_too_long_are_told_at_the_start(toy_config: MakeConfig) -> None:
    worker = toy_config().worker
    worker.mode, worker.plan_timeout = "process", 5.0
    assert not Ready("", plan_time=5.0).plan_time_problem(worker)
    said = Ready("", plan_time=7.0).plan_time_problem(worker)
    assert said.startswith("a plan takes about 7 s, longer than worker.plan_timeout (5 s)")
    assert "set planning.budget below 5 s" in said
    worker.mode = "inline"  # where a plan is not given up
    assert not Ready("", plan_time=7.0).plan_time_problem(worker)


@pytest.mark.parametrize("count", [0, 2])
def test_the_wrong_number_of_views_is_refused(toy_config: MakeConfig, count: int) -> None:
    engine = Engine(toy_config(_two_views))
    engine.set_goal(SetGoal(1, Goal(Observation((_image(1), *(_image(2),) * count)))))
    with pytest.raises(ObservationError, match=rf"\(front, wrist\); .* has {count + 1}$"):
        engine.answer(PlanRequest(1, Observation((_image(1), _image(2)))))


def _with_state(spec: ModelSpec) -> None:
    spec.proprio = ProprioSpec(["height"], ["m"])
    spec.statistics.proprio = Moments([0.0], [1.0])


def test_a_missing_proprio_is_refused_by_name(toy_config: MakeConfig) -> None:
    engine = Engine(toy_config(_with_state))
    engine.warm_up()
    engine.set_goal(SetGoal(1, Goal(Observation((_image(1),)))))
    with pytest.raises(ObservationError, match=r"size 1 \(height\); .* has size 0$"):
        engine.answer(PlanRequest(1, Observation((_image(1),), np.array([0.3]))))


def test_frames_are_decoded_only_if_requested(toy_config: MakeConfig) -> None:
    engine = Engine(toy_config())
    engine.set_goal(SetGoal(1, Goal(Observation((_image(200),)))))
    observation = Observation((_image(100),))
    assert engine.answer(PlanRequest(1, observation)).imagined is None
    imagined = engine.answer(PlanRequest(1, observation, imagine=True)).imagined
    assert imagined is not None
    size, horizon = engine.spec.image.size, 5  # the toy's rollouts contain only predicted frames
    assert imagined.shape == (size, (horizon + 1) * size, 3)
    np.testing.assert_array_equal(imagined[:, -size:], 200)  # the goal image, last


def test_a_plan_whose_frames_cannot_be_decoded_is_still_a_plan(toy_config: MakeConfig) -> None:
    engine = Engine(toy_config(fault="decode"))
    engine.set_goal(SetGoal(1, Goal(Observation((_image(200),)))))
    plan = engine.answer(PlanRequest(1, Observation((_image(100),)), imagine=True))
    assert np.isfinite(plan.actions).all()
    assert plan.imagined is None
    assert "this model cannot draw" in plan.decode_error


def test_a_plan_that_learned_nothing_hands_nothing_on(
    toy_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(toy_config(needs_light=True))
    engine.set_goal(SetGoal(1, Goal(Observation((_image(200),)))))
    planner, given = engine._planner("online"), []
    search = planner.plan

    def recorded(cost: Any, **settings: Any) -> Any:
        given.append(settings["warm_start"] is not None)
        return search(cost, **settings)

    monkeypatch.setattr(planner, "plan", recorded)
    step, learned = engine.spec.step_duration, []
    for number, shade in enumerate((100, 100, 0, 0, 100, 100)):
        observation = Observation((_image(shade),), stamp=1.0 + number * step)
        learned.append(engine.answer(PlanRequest(1, observation)).learned)
    assert learned == [True, True, False, False, True, True]
    assert given == [False, True, True, False, False, True], "a black image also forgets what was"


def test_the_warm_start_counts_steps_by_the_time_that_the_arm_takes(
    toy_config: MakeConfig,
) -> None:
    engine = Engine(toy_config())
    assert engine.spec.action.command
    engine.spec.action.command.step_time = 2 * engine.spec.step_time
    engine.set_goal(SetGoal(1, Goal(Observation((_image(200),)))))
    engine.answer(PlanRequest(1, Observation((_image(100),), stamp=1.0)))
    assert engine._previous
    wanted = shift(engine._previous[1], steps=1)
    found = engine._warm_start(1.0 + 2 * engine.spec.step_duration)
    assert found is not None
    torch.testing.assert_close(found, wanted)


def test_a_single_plan_says_whether_it_learned(toy_config: MakeConfig) -> None:
    engine, goal = Engine(toy_config(needs_light=True)), Goal(Observation((_image(200),)))
    for shade in (100, 0):
        plan = engine.answer(PlanOnce(1, Observation((_image(shade),)), goal))
        assert plan.learned == (shade > 0)
    black = PlanOnce(1, Observation((_image(0),)), goal, preset="random")
    assert engine.answer(black).learned, "one candidate needs nothing to be told from"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"typical_distance": 1000.0}, "typical_distance cannot be true"),
        ({"typical_distance": 2.2}, "typical_distance cannot be true"),
        ({"typical_distance": 1.4, "tolerance": 0.3}, "tolerance cannot be true"),
    ],
)
def test_a_calibration_by_which_any_image_is_the_goal_is_refused(
    toy_config: MakeConfig, changes: dict[str, float], name: str
) -> None:
    def absurd(spec: ModelSpec) -> None:
        assert spec.calibration
        spec.calibration = replace(spec.calibration, **changes)

    Engine(toy_config()).check_calibration()
    with pytest.raises(SpecError, match=f"{name}.*any image would count as the goal"):
        Engine(toy_config(absurd)).check_calibration()


@pytest.mark.parametrize(
    ("latent", "sentence"),
    [
        (Moments([0.5] * 3, [100.0] * 3), "latent.std cannot be true"),
        (Moments([0.5] * 3, [0.1] * 3), "typical_distance cannot be true"),
        (Moments([0.5] * 2, [0.3] * 2), "latent has 2 numbers, but the model's latents have 3"),
    ],
)
def test_moments_of_latents_that_the_networks_contradict_are_refused(
    toy_config: MakeConfig, latent: Moments, sentence: str
) -> None:
    def change(spec: ModelSpec) -> None:
        assert spec.calibration
        spec.calibration = replace(spec.calibration, latent=latent)

    with pytest.raises(SpecError, match=sentence):
        Engine(toy_config(change)).check_calibration()


def test_a_distance_of_states_counts_too(toy_config: MakeConfig) -> None:
    """A model with proprio may have a typical distance that its images alone do not explain."""

    def change(spec: ModelSpec) -> None:
        _with_state(spec)
        assert spec.calibration
        spec.calibration.latent = Moments([0.5] * 3, [0.1] * 3)

    Engine(toy_config(change)).check_calibration()


def test_the_spec_s_deviations_and_fixed_numbers_reach_the_planner(toy_config: MakeConfig) -> None:
    engine = Engine(toy_config())
    action, moments = engine.spec.action, engine.spec.statistics.action
    name, count = action.names[0], action.dim
    action.fixed, action.deviation = {name: 0.01}, [2 * std for std in moments.std]
    planner = planner_for(engine._model, PlanningConfig())
    assert planner.problem.deviation == pytest.approx([2.0] * count * engine.spec.frameskip)
    lower, upper = planner.problem.bounds
    assert lower[0] == upper[0] == pytest.approx((0.01 - moments.mean[0]) / moments.std[0])


def test_the_warm_up_plans_after_every_number_of_observed_frames(
    toy_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looks_back(spec: ModelSpec) -> None:
        spec.num_hist = 3

    config = toy_config(looks_back)
    config.model.history = "real"
    engine, seen = Engine(config), set()
    encode = engine._model.encode

    def record(batch: Any) -> Any:
        seen.add(batch.images.shape[1])
        return encode(batch)

    monkeypatch.setattr(engine._model, "encode", record)
    engine.warm_up()
    assert seen == {1, 2, 3}


def test_imagined_frames_begin_with_the_newest(toy_config: MakeConfig) -> None:
    def looks_back(spec: ModelSpec) -> None:
        spec.num_hist = 2

    engine = Engine(toy_config(looks_back))
    engine.set_goal(SetGoal(1, Goal(Observation((_image(200),)))))
    past = Past((Observation((_image(10),)),), np.zeros((1, 3)))
    request = PlanRequest(1, Observation((_image(100),)), imagine=True, past=past)
    with_past, alone = (engine.answer(r).imagined for r in (request, replace(request, past=Past())))
    assert with_past is not None
    assert alone is not None
    assert with_past.shape == alone.shape
