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
from wm_planner.worker import Failed, Planned, PlanOnce, SetGoal
from wm_planner.worker.engine import Engine
from wm_planner.worker.messages import Configure, PlanRequest
from wm_planner.worker.service import Service

MakeConfig = Callable[..., Config]
Drive = Callable[[Config], Any]
GRAY = Observation((np.full((12, 16, 3), 100, np.uint8),))
RED = SetGoal(2, Goal(Observation((np.full((12, 16, 3), (200, 0, 0), np.uint8),))))


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
