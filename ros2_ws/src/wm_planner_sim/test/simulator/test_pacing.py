"""Simulated time passes with the wall clock, and waits for late commands."""

from __future__ import annotations

import pytest

from wm_planner_sim.simulator.pacing import MAX_BACKLOG, WAIT, Pacing

TICK = 0.25  # [s], so that sums are exact


class Clock:
    """Calls a pacing at wall times, and counts the ticks."""

    def __init__(self, lacks: bool = False) -> None:
        self.lacks = lacks
        self.pacing = Pacing(TICK, lambda: self.lacks, 0.0)

    def ticks(self, now: float) -> int:
        return len(list(self.pacing.due(now)))


def test_a_tick_is_due_after_each_period() -> None:
    clock = Clock()
    assert [clock.ticks(TICK * k) for k in range(4)] == [1] * 4


def test_a_short_delay_is_caught_up_and_a_long_one_is_not() -> None:
    clock = Clock()
    assert clock.ticks(0.0) == 1
    assert clock.ticks(MAX_BACKLOG * TICK) == MAX_BACKLOG
    assert clock.ticks(100 * TICK) == 1
    assert clock.ticks(101 * TICK) == 1


def test_time_waits_for_a_command_and_then_goes_on_from_there() -> None:
    clock = Clock()
    assert clock.ticks(0.0) == 1
    clock.lacks = True
    assert clock.ticks(TICK) == 0
    clock.lacks = False
    assert clock.ticks(2 * TICK) == 1, "it does not catch up"
    assert clock.ticks(3 * TICK) == 1


@pytest.mark.parametrize("delay", [TICK, 10.0], ids=["prompt", "after a delay"])
def test_time_waits_for_so_long_only(delay: float) -> None:
    clock = Clock()
    assert clock.ticks(0.0) == 1
    clock.lacks = True
    assert clock.ticks(delay) == 0
    assert clock.ticks(delay + WAIT - 0.01) == 0
    assert clock.ticks(delay + WAIT) == 1
    assert clock.ticks(delay + WAIT + TICK) == 1
    clock.lacks = False
    assert clock.ticks(delay + WAIT + 2 * TICK) == 1
    clock.lacks = True
    assert clock.ticks(delay + WAIT + 3 * TICK) == 0, "it waits anew"
