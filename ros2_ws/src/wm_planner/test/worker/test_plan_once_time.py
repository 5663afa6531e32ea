"""A plan of its own has its own time, unless a goal waits for the worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from wm_planner.config import Config
from wm_planner.worker import Failed, PlanOnce, Scene, SetGoal

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


def test_a_plan_of_its_own_is_not_bound_to_the_time_of_a_goal_s_plan(
    hanging: Callable[..., Any],
) -> None:
    driver = hanging(plan_timeout=0.01, plan_once_timeout=0.5)
    lost = driver.answer()
    assert isinstance(lost, Failed)
    assert "worker.plan_once_timeout (0.5 s)" in lost.message


def test_a_goal_does_not_wait_longer_for_it_than_for_a_plan(hanging: Callable[..., Any]) -> None:
    driver = hanging(plan_timeout=0.5, plan_once_timeout=1000.0)
    begun = time.monotonic() + 2.0  # sooner, the plan might not have begun
    driver.until(lambda: time.monotonic() > begun)
    driver.link.set_goal(SetGoal(2, GREY))
    lost = driver.answer()
    assert isinstance(lost, Failed)
    assert "worker.plan_timeout (0.5 s)" in lost.message
