"""The planner measures how late the arm follows, and says that ``commands.lag`` is wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from wm_planner.control.follow_lag import lag_difference, measured_lag
from wm_planner.control.history import CommandHistory
from wm_planner.control.motion_check import PoseHistory
from wm_planner.types import Pose

DOWN = np.array([1.0, 0.0, 0.0, 0.0])
Way = Callable[[float], np.ndarray]


def to_and_fro(time: float) -> np.ndarray:
    """Return a position that moves by 5 cm along x and 2 cm along y [m]."""
    angle = 2.0 * max(time, 0.0)
    return np.array([0.5 + 0.05 * (1 - np.cos(angle)), 0.02 * np.sin(angle) ** 2, 0.3])


def measured(
    follows: float, way: Way = to_and_fro, error: Way = lambda time: np.zeros(3)
) -> float | None:
    """Return what is measured of an arm that follows late [s], with an error of position [m]."""
    commands, poses = CommandHistory(), PoseHistory()
    for k in range(-20, 220):
        time = 0.02 * k
        if 0 <= k < 200:
            for early in (0.01, 0.0):  # the clock has steps: the last command of each counts
                commands.add(time, time, np.concatenate([way(time - early), DOWN]))
        poses.add(Pose(way(time - follows) + error(time), DOWN, time, stamp=time))
    return measured_lag(commands, poses)


@pytest.mark.parametrize("follows", [0.0, 0.15, 0.6])
def test_the_lag_is_measured(follows: float) -> None:
    assert measured(follows) == pytest.approx(follows, abs=0.015)


def test_the_lag_of_joints_is_measured() -> None:
    commands, poses = CommandHistory(), PoseHistory()
    for k in range(2000):  # more poses than count
        time = 0.005 * k
        way, late = (np.sin(np.arange(7) + t) for t in (time, time - 0.2))
        commands.add(time, time, 0.1 * way)
        poses.add(Pose(0.1 * late, DOWN, time, stamp=time))
    assert measured_lag(commands, poses) == pytest.approx(0.2, abs=0.015)


def test_a_lag_beyond_those_tried_is_the_longest() -> None:
    assert measured(1.1) == pytest.approx(1.0)


def test_noise_and_another_frame_of_the_hand_change_nothing() -> None:
    rng = np.random.default_rng(0)

    def error(time: float) -> np.ndarray:
        return np.array([0.0, 0.0, 0.1]) + rng.normal(0.0, 0.001, 3)

    assert measured(0.15, error=error) == pytest.approx(0.15, abs=0.025)


@pytest.mark.parametrize(
    ("way", "error"),
    [
        (lambda time: np.array([0.5, 0.0, 0.3]), lambda time: np.zeros(3)),
        (lambda time: 0.02 * to_and_fro(time), lambda time: np.zeros(3)),
        (to_and_fro, lambda time: to_and_fro(3 * time)),
        (to_and_fro, lambda time: -to_and_fro(time - 0.15)),
        (to_and_fro, lambda time: to_and_fro(0.5) - to_and_fro(max(time - 0.15, 0.5))),
    ],
    ids=["at rest", "hardly moving", "moved by something else", "never follows", "stopped midway"],
)
def test_a_motion_that_does_not_tell_the_lag_is_left_alone(way: Way, error: Way) -> None:
    assert measured(0.15, way, error) is None


def test_without_commands_or_poses_nothing_is_measured() -> None:
    commands, poses = CommandHistory(), PoseHistory()
    assert measured_lag(commands, poses) is None
    commands.add(0.0, 0.0, np.zeros(7))
    assert measured_lag(commands, poses) is None
    poses.add(Pose(np.zeros(3), DOWN, 0.0, stamp=0.0))
    assert measured_lag(commands, poses) is None


def test_only_a_lag_that_differs_is_said() -> None:
    assert lag_difference(0.16, 0.15) == ""
    assert "followed 0.16 s late, and commands.lag is 0.00 s" in lag_difference(0.16, 0.0)
    assert "followed 1.00 s or more late" in lag_difference(1.0, 0.15)
