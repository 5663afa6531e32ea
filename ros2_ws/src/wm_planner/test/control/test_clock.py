"""ROS time that stands still, jumps back or starts is detected."""

from __future__ import annotations

import math

import pytest

from wm_planner.control.clock import ROUNDING, ClockMonitor


@pytest.fixture
def clock() -> ClockMonitor:
    monitor = ClockMonitor(max_stall=1.0)
    monitor.restart(10.0, 0.0)
    return monitor


def test_ros_time_that_stands_still_is_a_problem_until_it_goes_on(clock: ClockMonitor) -> None:
    clock.watch(10.0, 0.9)
    assert clock.problem == ""
    clock.watch(10.0, 1.1)
    assert "stood still for 1.1 s" in clock.problem
    clock.watch(10.1, 1.2)
    assert clock.problem == ""


@pytest.mark.parametrize(("now", "back"), [(10.5, 0.0), (10.0, 0.0), (10.0 - ROUNDING / 2, 0.0)])
def test_rounding_is_not_a_jump(clock: ClockMonitor, now: float, back: float) -> None:
    assert clock.jump(now) == back


def test_a_jump_is_reported_once(clock: ClockMonitor) -> None:
    assert clock.jump(7.0) == pytest.approx(3.0)
    assert clock.jump(7.0) == 0.0


def test_the_start_of_ros_time_is_an_infinite_jump(clock: ClockMonitor) -> None:
    clock.restart(0.0, 0.0)
    assert clock.jump(0.0) == 0.0
    assert math.isinf(clock.jump(1000.0))
    assert clock.jump(1000.1) == 0.0
