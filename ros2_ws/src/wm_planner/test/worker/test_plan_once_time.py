"""A plan of its own has its own time, unless a goal waits for the worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wm_planner.config import Config
from wm_planner.types import Observation
from wm_planner.worker import Failed, PlanOnce, PlanRequest, SetGoal, link

GRAY = Observation((np.full((12, 16, 3), 100, np.uint8),))
GOAL = PlanRequest(1, GRAY)
OF_ITS_OWN = PlanOnce(-2, GRAY, GRAY)


@pytest.fixture
def hanging(
    toy_config: Callable[..., Config],
    drive: Callable[[Config], Any],
    clock_of: Callable[..., Any],
    tmp_path: Path,
) -> Callable[..., tuple[Any, Any]]:
    """A link whose worker hangs in a plan, and the link's clock."""

    def make(asked: PlanRequest | PlanOnce, **timeouts: float) -> tuple[Any, Any]:
        mark = tmp_path / "hangs"
        config = toy_config(fault="hang", mark=str(mark))
        for name, seconds in timeouts.items():
            setattr(config.worker, name, seconds)
        driver = drive(config)
        clock = clock_of(link)
        ask = driver.link.plan_once if isinstance(asked, PlanOnce) else driver.link.plan
        ask(asked)
        driver.until(mark.exists)  # canceled sooner, the plan would be answered
        return driver, clock

    return make


def _lost_after(seconds: float, driver: Any, clock: Any) -> Failed:
    """The answer when the worker is given up: then, and not a second before."""
    clock.now += seconds - 0.5
    driver.tick()
    assert driver.answers == []
    clock.now += 1.0
    driver.tick()
    lost = driver.answers[0]
    assert isinstance(lost, Failed)
    assert lost.lost
    return lost


def test_a_plan_of_its_own_is_not_bound_to_the_time_of_a_goal_s_plan(
    hanging: Callable[..., tuple[Any, Any]],
) -> None:
    lost = _lost_after(8.0, *hanging(OF_ITS_OWN, plan_timeout=2.0, plan_once_timeout=8.0))
    assert "worker.plan_once_timeout (8.0 s)" in lost.message


def test_goals_that_follow_each_other_do_not_hide_a_worker_that_hangs(
    hanging: Callable[..., tuple[Any, Any]],
) -> None:
    driver, clock = hanging(GOAL, plan_timeout=4.0)
    for number in range(2, 9):
        clock.now += 0.5
        driver.link.set_goal(SetGoal(number, GRAY))
        driver.tick()
    lost = _lost_after(0.5, driver, clock)
    assert "worker.plan_timeout (4.0 s)" in lost.message


def test_plans_of_their_own_that_wait_are_not_made_during_a_goal(
    hanging: Callable[..., tuple[Any, Any]],
) -> None:
    driver, _ = hanging(OF_ITS_OWN)
    for number in (-3, -4):
        driver.link.plan_once(PlanOnce(number, GRAY, GRAY))
    driver.link.set_goal(SetGoal(2, GRAY))
    answers = driver.link.drain()
    assert [(a.goal_id, a.preempted) for a in answers] == [(-3, True), (-4, True)]


def test_a_goal_does_not_wait_longer_for_it_than_for_a_plan(
    hanging: Callable[..., tuple[Any, Any]],
) -> None:
    driver, clock = hanging(OF_ITS_OWN, plan_timeout=4.0, plan_once_timeout=1000.0)
    clock.now += 900.0
    driver.tick()
    assert driver.answers == []
    driver.link.set_goal(SetGoal(2, GRAY))
    lost = _lost_after(4.0, driver, clock)
    assert "worker.plan_timeout (4.0 s)" in lost.message
