"""A stamp of another clock is told from an old one."""

from __future__ import annotations

import time

import pytest

from wm_planner.control.stamps import other_clock

DAY = 1.8e9  # [s] a time of day


@pytest.mark.parametrize(
    ("stamp", "now", "topic", "words"),
    [
        (12.5, DAY, True, "12.50 s, a time since some start, and /clock is published: start the"),
        (12.5, DAY, False, "let its driver stamp with ROS time"),
        (DAY, 12.5, None, "the time of day, but the planner takes its time from /clock"),
        (
            DAY - 7200,
            DAY,
            None,
            "7200 s behind (set the clocks of both computers",
        ),
        (DAY + 7200, DAY, None, "7200 s ahead: set the clocks of both"),
        (DAY - 2.0, DAY, None, ""),
        (10.0, 12.0, True, ""),
    ],
)
def test_the_clock_is_named(stamp: float, now: float, topic: bool | None, words: str) -> None:
    said = other_clock(stamp, now, topic)
    assert words in said
    assert bool(said) == bool(words)


@pytest.mark.parametrize("clock", [time.CLOCK_BOOTTIME, time.CLOCK_MONOTONIC])
def test_the_time_since_boot_is_recognized(clock: int) -> None:
    said = other_clock(time.clock_gettime(clock) - 0.1, DAY, False)
    assert "the time since this machine was started" in said
