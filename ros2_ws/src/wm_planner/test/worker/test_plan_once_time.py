"""A plan of ``~/plan_once`` has its own timeout, unless a goal waits for the worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wm_planner.config import Config
from wm_planner.types import Goal, Observation
from wm_planner.worker import Failed, PlanOnce, PlanRequest, SetGoal, link

GRAY = Observation((np.full((12, 16, 3), 100, np.uint8),))
GOAL = PlanRequest(1, GRAY)
ONCE = PlanOnce(-2, GRAY, Goal(GRAY))


@pytest.fixture
def hanging(
    toy_config: Callable[..., Config],
    drive: Callable[[Config], Any],
    clock_of: Callable[..., Any],
    tmp_path: Path,
) -> Callable[..., tuple[Any, Any]]:
    """Return a maker of links whose worker hangs in a plan, and of their clocks."""

    def make(asked: PlanRequest | PlanOnce, **timeouts: float) -> tuple[Any, Any]:
        mark = tmp_path / "hangs"
        config = toy_config(fault="hang", mark=str(mark))
        for name, seconds in timeouts.items():
            setattr(config.worker, name, seconds)
        driver = drive(config)
        clock = clock_of(link)
        ask = driver.link.plan_once if isinstance(asked, PlanOnce) else driver.link.plan
        ask(asked)
        driver.until(mark.exists)  # otherwise the plan could still be canceled
        return driver, clock

    return make


def _lost_after(seconds: float, driver: Any, clock: Any) -> Failed:
    """Check that the worker is given up after a time and not before; return the answer."""
    clock.now += seconds - 0.5
    driver.tick()
    assert driver.answers == []
    clock.now += 1.0
    driver.tick()
    lost = driver.answers[0]
    assert isinstance(lost, Failed)
    assert lost.lost
    return lost


def test_plan_once_has_its_own_timeout(
    hanging: Callable[..., tuple[Any, Any]],
) -> None:
    lost = _lost_after(8.0, *hanging(ONCE, plan_timeout=2.0, plan_once_timeout=8.0))
    assert "worker.plan_once_timeout (8.0 s)" in lost.message


def test_goals_that_follow_each_other_do_not_hide_a_worker_that_hangs(
    hanging: Callable[..., tuple[Any, Any]],
) -> None:
    driver, clock = hanging(GOAL, plan_timeout=4.0)
    for number in range(2, 9):
        clock.now += 0.5
        driver.link.set_goal(SetGoal(number, Goal(GRAY)))
        driver.tick()
    lost = _lost_after(0.5, driver, clock)
    assert "worker.plan_timeout (4.0 s)" in lost.message


def test_waiting_plan_once_requests_end_when_a_goal_is_set(
    hanging: Callable[..., tuple[Any, Any]],
) -> None:
    driver, _ = hanging(ONCE)
    for number in (-3, -4):
        driver.link.plan_once(PlanOnce(number, GRAY, Goal(GRAY)))
    driver.link.set_goal(SetGoal(2, Goal(GRAY)))
    answers = driver.link.drain()
    assert [(a.goal_id, a.preempted) for a in answers] == [(-3, True), (-4, True)]


def test_a_goal_waits_for_plan_once_no_longer_than_for_a_plan(
    hanging: Callable[..., tuple[Any, Any]],
) -> None:
    driver, clock = hanging(ONCE, plan_timeout=4.0, plan_once_timeout=1000.0)
    clock.now += 900.0
    driver.tick()
    assert driver.answers == []
    driver.link.set_goal(SetGoal(2, Goal(GRAY)))
    lost = _lost_after(4.0, driver, clock)
    assert "worker.plan_timeout (4.0 s)" in lost.message
