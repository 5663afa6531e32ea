"""An event is overdue after a minimum time and 2.5 times its usual interval."""

from __future__ import annotations

import math

import pytest

from wm_planner.control.lateness import MIN_SAMPLES, LatenessMonitor


def _learned(usual: float, overdue_after: float = 0.08) -> LatenessMonitor:
    monitor = LatenessMonitor(overdue_after)
    for i in range(21):
        monitor.repeated(i * usual)
    return monitor


@pytest.mark.parametrize(("usual", "late"), [(0.02, 0.08), (0.04, 0.1), (0.2, 0.5)])
def test_an_event_is_overdue_after_a_minimum_and_a_multiple_of_the_usual_interval(
    usual: float, late: float
) -> None:
    monitor, last = _learned(usual), 20 * usual
    assert monitor.overdue(last + 0.99 * late) == ""
    assert monitor.overdue(last + 1.1 * late) == f"{1.1 * late:.2f} s, usually {usual:.2f} s"


def test_one_gap_does_not_change_the_usual_interval_and_many_do() -> None:
    monitor = _learned(0.04)
    monitor.repeated(0.8 + 5.0)
    assert monitor.overdue(5.8 + 0.11)
    for i in range(20):
        monitor.repeated(5.8 + i)
    assert monitor.overdue(5.8 + 19 + 2.4) == ""


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
    assert monitor.overdue(2e3 + 0.11)


def test_a_burst_counts_as_one_event() -> None:
    monitor = LatenessMonitor(0.08)
    for i in range(10):
        for j in range(5):
            monitor.repeated(0.1 * i + 0.001 * j)
    assert monitor.overdue(0.9 + 0.24) == ""
    assert monitor.overdue(0.9 + 0.26)


def test_an_infinite_minimum_disables_the_check() -> None:
    assert _learned(0.04, overdue_after=math.inf).overdue(1e9) == ""
