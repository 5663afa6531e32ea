"""Images whose distance falls without motion of the arm are not believed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wm_planner.control.motion_check import (
    DELAYS,
    IMAGES,
    KEPT,
    LASTING,
    MARGIN,
    MOST,
    SAME_TIME,
    MotionCheck,
    PoseHistory,
)
from wm_planner.types import Pose, Vector

PERIOD = 0.02  # [s] between poses
SLOPE = 6.0  # typical distances per m


class Arm:
    """An arm that moves along x, and its images."""

    def __init__(self, per_motion: float | None = SLOPE, *, joints: bool = False) -> None:
        self.check, self.history = MotionCheck(per_motion, joints=joints), PoseHistory()
        self.now, self.x = 100.0, 0.0
        self.run(0.5)

    def run(self, seconds: float, speed: float = 0.0) -> None:
        for _ in range(round(seconds / PERIOD)):
            self.now, self.x = self.now + PERIOD, self.x + speed * PERIOD
            pose = Pose(np.array([self.x, 0.0, 0.0]), np.zeros(4), self.now, self.now)
            self.history.add(pose)

    def see(self, distance: float) -> str:
        where = self.history.around(self.now)
        assert where is not None
        return self.check.contradiction(distance, where, self.now)


def test_a_fall_that_the_motion_explains_is_believed() -> None:
    arm = Arm()
    assert arm.see(1.2) == ""
    for left in (0.9, 0.6, 0.3, 0.0):
        arm.run(0.2, speed=0.25)
        assert arm.see(left) == ""


@pytest.mark.parametrize("per_motion", [SLOPE, None])
@pytest.mark.parametrize("joints", [False, True])
def test_a_fall_of_an_arm_that_rests_is_not_believed(
    per_motion: float | None, joints: bool
) -> None:
    arm = Arm(per_motion, joints=joints)
    arm.see(0.91)
    arm.run(0.2)
    why = arm.see(0.02)
    for words in ("is 0.020 and was 0.910", f"moved by 0.000 {'rad' if joints else 'm'}"):
        assert words in why
    assert arm.see(0.91 - 0.9 * MARGIN) == "", "noise and light"


def test_images_of_an_arm_that_moves_need_the_model_s_calibration() -> None:
    for per_motion, believed in ((SLOPE, False), (None, True)):
        arm = Arm(per_motion)
        arm.see(1.0)
        arm.run(0.2, speed=0.2)
        assert (arm.see(0.0) == "") == believed


def test_the_goal_shown_while_the_arm_is_fast_is_not_believed() -> None:
    arm = Arm()
    arm.run(0.4, speed=0.5)
    arm.see(1.0)
    arm.run(0.04, speed=0.5)
    assert arm.see(0.0)


def test_many_small_falls_are_noticed_too() -> None:
    arm, distance = Arm(), 1.0
    believed = []
    for _ in range(2 * MOST):  # more than are remembered
        arm.run(PERIOD)
        distance -= 0.5 / MOST
        believed.append(arm.see(distance) == "")
    assert believed[0]
    assert not any(believed[round(1.1 * MARGIN * MOST / 0.5) :])


def test_a_camera_with_a_delay_is_believed() -> None:
    arm = Arm()
    seen = []
    for speed in [0.5] * 40 + [0.0] * 40:
        arm.run(PERIOD, speed)
        seen.append(arm.x)
        shown = seen[max(len(seen) - 1 - round(DELAYS[-1] / PERIOD), 0)]
        assert arm.see(4.0 - SLOPE * shown) == ""


def test_what_covers_the_view_for_a_while_does_not_contradict_the_images_after_it() -> None:
    arm = Arm()
    for distance in (0.5, 1.4, 1.5, 0.5):
        arm.run(0.2)
        assert arm.see(distance) == ""


def test_a_contradiction_lasts_after_a_time_and_several_images_and_ends_with_true_ones() -> None:
    arm = Arm()
    arm.see(1.0)
    lasting = []
    for _ in range(10):
        arm.run(0.2)
        arm.see(0.0)
        lasting.append(arm.check.lasting)
    first = lasting.index(True)
    assert first >= IMAGES - 1
    assert LASTING / 0.2 <= first + 0.1 <= LASTING / 0.2 + 1.2
    assert all(lasting[lasting.index(True) :])
    assert arm.see(1.0) == ""
    assert not arm.check.lasting


def test_another_goal_begins_anew() -> None:
    arm = Arm()
    arm.see(1.0)
    arm.check.restart()
    assert arm.see(0.0) == ""


@pytest.mark.parametrize("distance", [math.nan, math.inf])
def test_a_distance_that_is_not_finite_is_not_compared(distance: float) -> None:
    arm = Arm()
    for value in (1.0, distance, 1.0):
        assert arm.see(value) == ""


def test_without_positions_nothing_is_contradicted() -> None:
    check, history = MotionCheck(SLOPE), PoseHistory()
    history.add(Pose(np.zeros(3), np.zeros(4), 1.0))  # without a stamp
    for distance in (1.0, 0.0):
        assert history.around(1.0) is None
        assert check.contradiction(distance, None, 1.0) == ""


def _positions(history: PoseHistory, stamp: float) -> Vector | None:
    found = history.around(stamp)
    return None if found is None else found[:, 0]


def test_positions_are_found_by_their_stamps_and_forgotten_when_time_goes_back() -> None:
    arm = Arm()
    for _ in range(5 * KEPT):
        arm.run(PERIOD, speed=1.0)
    found = _positions(arm.history, arm.now - 1.0)
    np.testing.assert_allclose(found, arm.x - 1.0 - DELAYS, atol=1.01 * PERIOD)
    assert _positions(arm.history, arm.now - 1e4) is None
    assert _positions(arm.history, arm.now + 60.0) is None
    arm.now = 5.0
    arm.run(PERIOD)
    np.testing.assert_allclose(_positions(arm.history, 5.0 + PERIOD), arm.x)


def test_an_image_belongs_to_the_pose_measured_just_before_it_or_to_none() -> None:
    history = PoseHistory()
    for stamp in (10.0, 10.02, 10.04):
        history.add(Pose(np.array([stamp, 0.0, 0.0]), np.zeros(4), stamp, stamp))
    found = history.during(10.03)
    assert found is not None
    assert found.stamp == 10.02
    assert history.during(10.04 + SAME_TIME + 0.01) is None
    assert history.during(9.9) is None
