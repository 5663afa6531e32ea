"""When a goal is reached, and when it has stalled."""

from __future__ import annotations

import math

import pytest

from wm_planner.control.checkers import GoalChecker, ProgressChecker


def _observe(checker: ProgressChecker, *pairs: tuple[float, float]) -> None:
    for now, distance in pairs:
        checker.observe(distance, now)


@pytest.mark.parametrize(
    ("distances", "reached"),
    [
        ([0.04], False),
        ([0.04, 0.04], True),
        ([0.04, 0.06, 0.04], False),
        ([0.04, math.nan, 0.04], False),
        ([0.05, 0.05], False),
    ],
)
def test_a_goal_is_reached_after_enough_images_in_a_row_within_the_tolerance(
    distances: list[float], reached: bool
) -> None:
    checker = GoalChecker(tolerance=0.05, images=2)
    assert [checker.observe(distance) for distance in distances][-1] is reached


def test_a_falling_distance_never_stalls() -> None:
    checker = ProgressChecker(time=2.0, fraction=0.1)
    for i in range(10):
        checker.observe(1.0 - 0.1 * i, float(i))
        assert not checker.stalled(i + 1.0)


def test_a_distance_that_falls_too_little_for_too_long_stalls() -> None:
    checker = ProgressChecker(time=2.0, fraction=0.1)
    _observe(checker, (0.0, 1.0), (1.0, 0.95), (2.0, 0.91))
    assert not checker.stalled(2.0)
    assert checker.stalled(2.1)


def test_a_time_that_does_not_count_does_not_stall() -> None:
    checker = ProgressChecker(time=2.0, fraction=0.1)
    _observe(checker, (0.0, 1.0))
    checker.pause(1.5)
    assert not checker.stalled(3.4)
    assert checker.stalled(3.6)


def test_small_falls_add_up_to_progress() -> None:
    checker = ProgressChecker(time=2.0, fraction=0.1)
    _observe(checker, (0.0, 1.0), (1.0, 0.95), (2.0, 0.89))
    assert not checker.stalled(3.9)


def test_a_distance_that_rises_and_falls_back_is_not_progress() -> None:
    checker = ProgressChecker(time=2.0, fraction=0.1)
    _observe(checker, (0.0, 0.5), (1.0, 0.9), (2.0, 0.5))
    assert checker.stalled(2.1)


def test_nothing_stalls_before_the_first_image_or_if_disabled() -> None:
    assert not ProgressChecker(time=2.0, fraction=0.1).stalled(1e9)
    off = ProgressChecker(time=0.0, fraction=0.1)
    off.observe(1.0, 0.0)
    assert not off.stalled(1e9)
