"""A plan of its own has its own time, unless a goal waits for the worker."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from wm_planner.config import Config
from wm_planner.worker import Failed, PlanOnce, PlanRequest, Scene, SetGoal

GREY = Scene(np.full((12, 16, 3), 100, np.uint8))


@pytest.fixture
def hanging(
    toy_config: Callable[..., Config], drive: Callable[[Config], Any]
) -> Callable[..., Any]:
    """A link whose worker hangs in a plan of its own."""

    def make(plan_timeout: float, plan_once_timeout: float) -> Any:
        config = toy_config(fault="hang")
        config.worker.plan_timeout = plan_timeout
        config.worker.plan_once_timeout = plan_once_timeout
        driver = drive(config)
        driver.link.plan_once(PlanOnce(-2, GREY, GREY))
        return driver

    return make


def _begin(driver: Any) -> None:
    """Give a plan time to begin: cancelled sooner, it would be answered."""
    begun = time.monotonic() + 2.0
    driver.until(lambda: time.monotonic() > begun)


def test_a_plan_of_its_own_is_not_bound_to_the_time_of_a_goal_s_plan(
    hanging: Callable[..., Any],
) -> None:
    driver = hanging(plan_timeout=0.01, plan_once_timeout=0.5)
    lost = driver.answer()
    assert isinstance(lost, Failed)
    assert "worker.plan_once_timeout (0.5 s)" in lost.message


def test_goals_that_follow_each_other_do_not_hide_a_worker_that_hangs(
    toy_config: Callable[..., Config], drive: Callable[[Config], Any]
) -> None:
    config = toy_config(fault="hang")
    config.worker.plan_timeout = 4.0
    driver = drive(config)
    driver.link.plan(PlanRequest(1, GREY, 0.0))
    _begin(driver)
    numbers = itertools.count(2)

    def preempted_until_lost() -> bool:
        driver.link.set_goal(SetGoal(next(numbers), GREY))
        return bool(driver.answers)

    driver.until(preempted_until_lost)
    assert "worker.plan_timeout (4.0 s)" in driver.answers[0].message


def test_plans_of_their_own_that_wait_are_not_made_during_a_goal(
    hanging: Callable[..., Any],
) -> None:
    driver = hanging(plan_timeout=100.0, plan_once_timeout=100.0)
    for number in (-3, -4):
        driver.link.plan_once(PlanOnce(number, GREY, GREY))
    driver.link.set_goal(SetGoal(2, GREY))
    answers = driver.link.drain()
    assert [(a.goal_id, a.preempted) for a in answers] == [(-3, True), (-4, True)]


def test_a_goal_does_not_wait_longer_for_it_than_for_a_plan(hanging: Callable[..., Any]) -> None:
    driver = hanging(plan_timeout=0.5, plan_once_timeout=1000.0)
    _begin(driver)
    driver.link.set_goal(SetGoal(2, GREY))
    lost = driver.answer()
    assert isinstance(lost, Failed)
    assert "worker.plan_timeout (0.5 s)" in lost.message
