"""Poses that repeat, or that no arm can have moved to, are not believed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from wm_planner.config import LimitsConfig
from wm_planner.control import CommandGate
from wm_planner.control.pose_monitor import CONFIRMING, CONFIRMING_TIME, STUCK, PoseMonitor
from wm_planner.types import Pose, Vector

START = np.array([0.5, 0.0, 0.5])
POSE = Pose(START, np.array([0.0, 0.0, 0.0, 1.0]), steady=1.0)
LIMITS = LimitsConfig(
    workspace_min=[0.0, -1.0, 0.0],
    workspace_max=[1.0, 1.0, 1.0],
    joint_names=["a", "b", "c"],
    joint_min=[-3.0] * 3,
    joint_max=[3.0] * 3,
)
BOUNDS = CommandGate(LIMITS)
JOINTS = CommandGate(LIMITS, ["a", "b", "c"])
LEAD = np.array([LIMITS.max_lead, 0.0, 0.0])


def point(position: Vector) -> Vector:
    return np.concatenate([position, POSE.orientation])


FAR = point(START + 1.1 * STUCK * LEAD)
PERIOD = 0.02  # [s]


def turned(degrees: float) -> Vector:
    half = math.radians(degrees) / 2
    return np.array([0.0, math.sin(half), 0.0, math.cos(half)])


JUMPS = {
    "position": ({"position": START + 0.5}, BOUNDS),
    "orientation": ({"orientation": turned(30.0)}, BOUNDS),
    "joints": ({"position": START + np.array([0.0, 0.6, 0.0])}, JOINTS),
}


class Driver:
    """Gives poses to a monitor at 50 Hz."""

    def __init__(self, gate: CommandGate) -> None:
        self.monitor, self.gate, self.now = PoseMonitor(), gate, 100.0

    def give(self, passed: float = PERIOD, **fields: Vector) -> bool:
        self.now += passed
        pose = replace(POSE, steady=self.now, stamp=self.now, **fields)
        return self.monitor.take(pose, None, self.gate)


@pytest.fixture
def poses() -> PoseMonitor:
    monitor = PoseMonitor()
    monitor.take(POSE, None, BOUNDS)
    assert monitor.take(POSE, None, BOUNDS)
    monitor.restart(point(START))
    return monitor


def test_a_repeated_pose_is_new_while_the_arm_is_not_commanded_to_move(poses: PoseMonitor) -> None:
    for commanded in (None, point(START), point(START + 0.9 * STUCK * LEAD)):
        assert poses.take(replace(POSE, steady=2.0), commanded, BOUNDS)
        assert poses.steady == 2.0


def test_a_repeated_pose_of_an_arm_commanded_to_move_is_old(poses: PoseMonitor) -> None:
    assert not poses.take(replace(POSE, steady=2.0), FAR, BOUNDS)
    assert poses.steady == 1.0


def test_another_position_is_new_and_resets_the_commanded_move(
    poses: PoseMonitor,
) -> None:
    moved = replace(POSE, position=START + 1e-4, steady=2.0)
    assert poses.take(moved, FAR, BOUNDS)
    assert poses.take(replace(moved, steady=3.0), FAR, BOUNDS)
    assert poses.steady == 3.0


def test_the_first_pose_is_believed_once_the_next_one_agrees() -> None:
    driver = Driver(BOUNDS)
    assert not driver.give()
    assert (driver.monitor.pose, driver.monitor.settled) == (None, False)
    assert driver.give()
    assert driver.monitor.settled


@pytest.mark.parametrize("kind", JUMPS)
def test_a_first_pose_that_the_next_contradicts_is_never_believed(kind: str) -> None:
    jump, gate = JUMPS[kind]
    driver = Driver(gate)
    driver.give(**jump)
    begin = driver.now
    while not driver.give():
        assert driver.monitor.pose is None
        assert "jumps by" in driver.monitor.problem
    assert driver.now - begin >= CONFIRMING_TIME
    assert driver.monitor.settled
    assert driver.monitor.problem == ""
    for value in ("position", "orientation"):
        np.testing.assert_array_equal(getattr(driver.monitor.pose, value), getattr(POSE, value))


@pytest.mark.parametrize("kind", JUMPS)
def test_a_single_jump_is_not_believed_and_the_true_poses_go_on(kind: str) -> None:
    jump, gate = JUMPS[kind]
    driver = Driver(gate)
    for _ in range(5):
        driver.give()
    assert not driver.give(**jump)
    assert driver.give(), "the true pose is believed at once"
    assert not driver.monitor.settled, "but no goal starts from it yet"


@pytest.mark.parametrize("kind", JUMPS)
def test_two_publishers_in_turn_never_settle(kind: str) -> None:
    jump, gate = JUMPS[kind]
    driver = Driver(gate)
    for _ in range(100):
        driver.give(PERIOD / 2)
        assert not driver.give(PERIOD / 2, **jump)
        assert not driver.monitor.settled


@pytest.mark.parametrize("kind", JUMPS)
def test_after_a_reset_of_the_arm_the_new_poses_are_believed_soon(kind: str) -> None:
    jump, gate = JUMPS[kind]
    driver = Driver(gate)
    for _ in range(5):
        driver.give()
    begin, count = driver.now, 1
    while not driver.give(**jump):
        count += 1
    assert count >= CONFIRMING
    assert CONFIRMING_TIME <= driver.now - begin < 1.3 * CONFIRMING_TIME


def test_a_pause_allows_no_larger_jump() -> None:
    driver = Driver(BOUNDS)
    for _ in range(5):
        driver.give()
    assert not driver.give(passed=3.0, orientation=turned(90.0))


def test_an_arm_at_its_fastest_never_jumps_whatever_the_delays_of_its_poses() -> None:
    random = np.random.default_rng(0)
    driver, angle, at, measured = Driver(BOUNDS), 0.0, 0.0, 0.0
    for _ in range(300):
        passed = 0.001 if random.random() < 0.5 else 0.02  # measured; arrivals come in bursts
        measured += passed
        angle, at = angle + math.degrees(2.5 * passed), at + 3.0 * passed
        pose = replace(
            POSE,
            position=START + np.array([at, 0.0, 0.0]),
            orientation=turned(angle),
            steady=measured,
        )
        driver.monitor.take(replace(pose, stamp=measured + random.uniform(0, 0.01)), None, BOUNDS)
        assert driver.monitor.problem == ""


def test_a_quaternion_and_its_negative_are_the_same_rotation() -> None:
    driver = Driver(BOUNDS)
    for sign in (1, -1) * 5:
        driver.give(orientation=sign * turned(70.0))
    assert driver.monitor.settled
    assert driver.monitor.problem == ""


def test_another_orientation_is_new_too(poses: PoseMonitor) -> None:
    """Of a hand that turns and stays where it is."""
    far = np.concatenate([START, turned(20.0)])
    assert not poses.take(replace(POSE, steady=1.5), far, BOUNDS), "it should have turned"
    assert poses.take(replace(POSE, orientation=turned(0.1), steady=2.0), far, BOUNDS)
    assert poses.steady == 2.0
