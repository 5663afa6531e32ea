"""Late is what takes longer than the least and than 2.5 times as long as usual."""

from __future__ import annotations

import math

import pytest

from wm_planner.control.lateness import FEWEST, LatenessMonitor


def _learned(usual: float, least: float = 0.08) -> LatenessMonitor:
    pace = LatenessMonitor(least)
    for i in range(21):
        pace.again(i * usual)
    return pace


@pytest.mark.parametrize(("usual", "late"), [(0.02, 0.08), (0.04, 0.1), (0.2, 0.5)])
def test_late_is_what_takes_longer_than_the_least_and_than_usual(usual: float, late: float) -> None:
    pace, last = _learned(usual), 20 * usual
    assert pace.late(last + 0.99 * late) == ""
    assert pace.late(last + 1.1 * late) == f"{1.1 * late:.2f} s, usually {usual:.2f} s"


def test_one_gap_changes_nothing_and_a_slower_pace_becomes_usual() -> None:
    pace = _learned(0.04)
    pace.again(0.8 + 5.0)
    assert pace.late(5.8 + 0.11)
    for i in range(20):
        pace.again(5.8 + i)
    assert pace.late(5.8 + 19 + 2.4) == ""


def test_what_came_too_seldom_to_be_known_is_never_late() -> None:
    pace = LatenessMonitor(0.08)
    for i in range(FEWEST):
        pace.again(0.02 * i)
        assert pace.late(1e3) == ""
    pace.again(0.02 * FEWEST)
    assert pace.late(1e3)


def test_what_is_not_awaited_is_not_late() -> None:
    pace = _learned(0.04)
    pace.drop()
    assert pace.late(1e3) == ""
    pace.end(1e3)  # and teaches nothing
    pace.begin(2e3)
    assert pace.late(2e3 + 0.11)


def test_what_comes_in_bursts_is_late_by_the_time_between_them() -> None:
    pace = LatenessMonitor(0.08)
    for i in range(10):
        for j in range(5):
            pace.again(0.1 * i + 0.001 * j)
    assert pace.late(0.9 + 0.24) == ""
    assert pace.late(0.9 + 0.26)


def test_endless_patience_is_never_over() -> None:
    assert _learned(0.04, least=math.inf).late(1e9) == ""
