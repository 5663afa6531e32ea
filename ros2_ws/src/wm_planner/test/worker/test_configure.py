"""Settings of planning and of the objective change between goals."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from wm_planner.config import Config, changed
from wm_planner.types import Goal, Observation
from wm_planner.worker import Failed, Planned, PlanOnce, SetGoal, WorkerError
from wm_planner.worker import engine as engine_module
from wm_planner.worker.engine import Engine
from wm_planner.worker.fastest import Choice
from wm_planner.worker.messages import Configure, PlanRequest
from wm_planner.worker.service import Service
from wm_planner.worker.trials import Way

MakeConfig = Callable[..., Config]
Drive = Callable[[Config], Any]
GRAY = Observation((np.full((12, 16, 3), 100, np.uint8),))
RED = SetGoal(2, Goal(Observation((np.full((12, 16, 3), (200, 0, 0), np.uint8),))))


def with_preset(config: Config, preset: str) -> Config:
    """The settings with another preset, and its own size."""
    sizes = dict.fromkeys(("num_samples", "iterations", "num_elites"), 0)
    values = {"preset": preset, **sizes}
    return changed(config, {f"planning.{name}": value for name, value in values.items()})


@pytest.mark.parametrize("mode", ["process", "thread", "inline"])
def test_the_next_goal_is_planned_with_new_settings(
    mode: str, toy_config: MakeConfig, drive: Drive
) -> None:
    config = toy_config()
    config.worker.mode = mode
    driver = drive(config)
    assert np.shape(driver.plan(GRAY).actions)[0] == 5
    driver.link.apply(changed(config, {"planning.horizon": 3, "planning.iterations": 4}))
    driver.link.set_goal(RED)
    plan = driver.plan(GRAY)
    assert np.shape(plan.actions)[0] == 3
    assert len(plan.cost_history) == 4


def test_a_restarted_worker_has_the_newest_settings(toy_config: MakeConfig, drive: Drive) -> None:
    config = toy_config()
    driver = drive(config)
    driver.link.apply(changed(config, {"planning.horizon": 3}))
    os.kill(driver.link._worker.pid, signal.SIGKILL)
    assert driver.answer().restarting
    driver.until(lambda: driver.link.idle)
    assert np.shape(driver.plan(GRAY).actions)[0] == 3


def test_settings_that_change_during_a_restart_reach_the_worker(
    toy_config: MakeConfig, drive: Drive
) -> None:
    config = toy_config()
    driver = drive(config)
    os.kill(driver.link._worker.pid, signal.SIGKILL)
    assert driver.answer().restarting
    driver.link.apply(changed(config, {"planning.horizon": 3}))
    driver.until(lambda: driver.link.idle)
    assert np.shape(driver.plan(GRAY).actions)[0] == 3


def test_a_current_plan_once_keeps_its_settings(toy_config: MakeConfig, drive: Drive) -> None:
    config = toy_config()
    driver = drive(config)
    driver.link.plan_once(PlanOnce(-2, GRAY, Goal(GRAY)))
    driver.link.apply(changed(config, {"planning.horizon": 3}))
    first = driver.answer()
    assert isinstance(first, Planned)
    assert first.stop_reason != "canceled"
    assert np.shape(first.actions)[0] == 5
    driver.link.plan_once(PlanOnce(-3, GRAY, Goal(GRAY)))
    assert np.shape(driver.answer().actions)[0] == 3


def test_a_planner_that_cannot_be_built_is_a_sentence(toy_config: MakeConfig) -> None:
    config = toy_config()
    service = Service(config)
    service.handle(RED)
    broken = changed(config, {"planning.num_samples": 16})
    broken.planning.num_elites = 99  # passed no check
    assert service.handle(Configure(broken)) is None
    answer = service.handle(PlanRequest(2, GRAY))
    assert isinstance(answer, Failed)
    assert "planning.num_elites is 99" in answer.message
    service.handle(Configure(config))
    assert isinstance(service.handle(PlanRequest(2, GRAY)), Planned)


def test_the_objective_changes(toy_config: MakeConfig) -> None:
    config = toy_config()
    engine = Engine(config)
    objectives = [engine._scoring._objective]
    for values in ({"objective.mode": "all", "objective.alpha": 0.25}, {"objective.mode": "model"}):
        engine.configure(changed(config, values))
        objectives.append(engine._scoring._objective)
    assert objectives[0] == objectives[2] != objectives[1]
    assert (objectives[1].mode, objectives[1].alpha) == ("all", 0.25)


@pytest.mark.parametrize("mode", ["process", "thread", "inline"])
def test_a_planner_that_differentiates_float16_is_refused_and_the_others_go_on(
    mode: str, toy_config: MakeConfig, drive: Drive
) -> None:
    config = toy_config()
    config.worker.mode, config.model.precision = mode, "float16"
    driver = drive(config)
    for preset in ("gradient", "cem_gd"):
        with pytest.raises(ValueError, match=rf"the preset {preset} needs gradients.*bfloat16"):
            driver.link.check(with_preset(config, preset))
        driver.link.plan_once(PlanOnce(-2, GRAY, Goal(GRAY), preset))
        refused = driver.answer()
        assert isinstance(refused, Failed)
        assert f"the preset {preset} needs gradients" in refused.message
        assert not refused.lost
    driver.link.check(with_preset(config, "mppi"))
    assert np.shape(driver.plan(GRAY).actions)[0] == 5, "with the settings of before"


def test_a_preset_that_got_past_the_node_is_a_sentence_until_it_changes(
    toy_config: MakeConfig,
) -> None:
    """As when the settings change while the worker is restarted, and its precision unknown."""
    config = toy_config()
    config.model.precision = "float16"
    service = Service(config)
    service.handle(RED)
    service.handle(Configure(with_preset(config, "gradient")))
    answer = service.handle(PlanRequest(2, GRAY))
    assert isinstance(answer, Failed)
    assert answer.message.startswith("the preset gradient needs gradients")
    service.handle(Configure(config))
    assert isinstance(service.handle(PlanRequest(2, GRAY)), Planned)


@pytest.mark.parametrize("preset", ["gradient", "cem_gd"])
def test_a_start_in_float16_with_a_planner_that_differentiates_is_refused(
    toy_config: MakeConfig, drive: Drive, preset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = with_preset(toy_config(), preset)
    config.worker.mode, config.model.precision = "inline", "float16"
    with monkeypatch.context() as patch:
        patch.setattr(engine_module, "choose", lambda *_: pytest.fail("ways were tried first"))
        with pytest.raises(WorkerError, match=f"the preset {preset} needs gradients"):
            drive(config)
    config.model.precision = "bfloat16"
    assert isinstance(drive(config).plan(GRAY), Planned)


def test_the_node_learns_the_precision_that_was_chosen(
    toy_config: MakeConfig, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "choose", lambda *_: Choice(Way("float16"), "computes"))
    config = toy_config()
    config.worker.mode = "inline"
    driver = drive(config)
    assert driver.link.ready.precision == "float16"
    with pytest.raises(ValueError, match="the preset cem_gd needs gradients"):
        driver.link.check(with_preset(config, "cem_gd"))
