"""An event is late after a minimum time and the spread of its intervals, and then overdue."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wm_planner.control.lateness import MIN_SAMPLES, SLOWING, WIDEST, LatenessMonitor

QUIET = 0.08 + SLOWING  # [s] until an event is overdue without delays


def _learned(usual: float, overdue_after: float = 0.08, longest: float = 0.5) -> LatenessMonitor:
    monitor = LatenessMonitor(overdue_after, longest)
    for i in range(21):
        monitor.repeated(i * usual)
    return monitor


class Jittery:
    """A monitor of an event that comes every 0.02 s, and of which some come later."""

    def __init__(self, longest: float = 0.5) -> None:
        self.monitor, self.last = LatenessMonitor(0.08, longest), 0.0
        self.monitor.repeated(0.0)

    def give(self, *intervals: float) -> None:
        for interval in intervals:
            self.last += interval
            self.monitor.repeated(self.last)

    @property
    def overdue_after(self) -> float:
        """How long after the last event the next one is overdue [s]."""
        waits = np.arange(0.0, 3.0, 0.001)
        overdue = [bool(self.monitor.overdue(self.last + wait)) for wait in waits]
        return float(waits[overdue.index(True)])


@pytest.mark.parametrize(("usual", "late"), [(0.02, 0.08), (0.04, 0.1), (0.2, 0.5)])
def test_an_event_is_late_after_a_minimum_and_a_multiple_of_the_usual_interval(
    usual: float, late: float
) -> None:
    monitor, last = _learned(usual), 20 * usual
    assert monitor.lateness(last + 0.99 * late) == 0
    assert 0 < monitor.lateness(last + late + 0.25 * SLOWING) < 0.3
    assert monitor.overdue(last + late + 0.99 * SLOWING) == ""
    waited = late + 1.1 * SLOWING
    assert monitor.lateness(last + waited) == 1
    assert monitor.overdue(last + waited) == f"{waited:.2f} s, usually {usual:.2f} s"


def test_the_time_from_late_to_overdue_is_that_of_the_blend() -> None:
    monitor = LatenessMonitor(0.08, slowing=0.4)
    for i in range(21):
        monitor.repeated(0.02 * i)
    assert monitor.lateness(0.4 + 0.08 + 0.1) == pytest.approx(0.25)


def test_delays_that_keep_occurring_are_not_overdue_but_the_arm_rests_as_soon() -> None:
    jittery = Jittery()
    jittery.give(*[0.02] * 200)
    assert jittery.overdue_after == pytest.approx(QUIET, abs=0.002)
    jittery.give(*[*[0.02] * 30, 0.2] * 6)  # 6 in about 200
    assert jittery.overdue_after == pytest.approx(1.5 * 0.2, abs=0.002)
    assert jittery.monitor.lateness(jittery.last + QUIET) == pytest.approx(1)


@pytest.mark.parametrize("outliers", [1, 4])
def test_rare_long_intervals_do_not_count_as_usual(outliers: int) -> None:
    jittery = Jittery()
    jittery.give(*[0.02] * 200, *[5.0] * outliers, *[0.02] * 20)
    assert jittery.overdue_after == pytest.approx(QUIET, abs=0.002)


def test_with_few_intervals_one_long_one_does_not_count_as_usual() -> None:
    jittery = Jittery()
    jittery.give(0.02, 0.02, 5.0, 0.02)
    assert jittery.overdue_after == pytest.approx(QUIET, abs=0.002)


def test_however_large_the_spread_a_stop_is_noticed_soon() -> None:
    jittery = Jittery()
    jittery.give(*[*[0.02] * 9, 1.0] * 20)
    assert jittery.overdue_after == pytest.approx(WIDEST * 0.08, abs=0.002)
    jittery = Jittery(longest=0.25)
    jittery.give(*[*[0.02] * 9, 1.0] * 20)
    assert jittery.overdue_after == pytest.approx(0.25, abs=0.002)


def test_the_spread_of_long_ago_is_forgotten() -> None:
    jittery = Jittery()
    jittery.give(*[*[0.02] * 9, 0.2] * 20, *[0.02] * 200)
    assert jittery.overdue_after == pytest.approx(QUIET, abs=0.002)


def test_one_gap_does_not_change_the_usual_interval_and_many_do() -> None:
    monitor = _learned(0.04)
    monitor.repeated(0.8 + 5.0)
    assert monitor.overdue(5.8 + 0.11 + SLOWING)
    for i in range(20):
        monitor.repeated(5.8 + i)
    assert monitor.overdue(5.8 + 19 + 2.4) == ""


def test_late_events_are_counted_once_each_with_the_longest_wait() -> None:
    monitor = _learned(0.02)
    last = 0.4
    for waited in (0.07, 0.12, 0.25):  # in time, late, overdue
        for wait in np.arange(0.0, waited, 0.01):
            monitor.judge(last + wait)
        last += waited
        monitor.repeated(last)
    assert (monitor.goal.late, monitor.goal.overdue) == (2, 1)
    assert monitor.goal.longest == pytest.approx(0.24)
    monitor.restart()
    assert (monitor.goal.late, monitor.total.late, monitor.total.overdue) == (0, 2, 1)


def test_with_too_few_events_nothing_is_overdue() -> None:
    monitor = LatenessMonitor(0.08)
    for i in range(MIN_SAMPLES):
        monitor.repeated(0.02 * i)
        assert monitor.overdue(1e3) == ""
    monitor.repeated(0.02 * MIN_SAMPLES)
    assert monitor.overdue(1e3)


def test_an_event_that_is_not_expected_is_not_overdue() -> None:
    monitor = _learned(0.04)
    monitor.cancel()
    assert monitor.overdue(1e3) == ""
    monitor.arrived(1e3)  # not an interval to learn from
    monitor.expect(2e3)
    assert monitor.overdue(2e3 + 0.11 + SLOWING)


def test_a_burst_counts_as_one_event() -> None:
    monitor = LatenessMonitor(0.08)
    for i in range(10):
        for j in range(5):
            monitor.repeated(0.1 * i + 0.001 * j)
    assert monitor.lateness(0.9 + 0.24) == 0
    assert monitor.lateness(0.9 + 0.26) > 0


def test_an_infinite_minimum_disables_the_check() -> None:
    assert _learned(0.04, overdue_after=math.inf).overdue(1e9) == ""
