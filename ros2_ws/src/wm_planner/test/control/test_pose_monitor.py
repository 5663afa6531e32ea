"""A pose that repeats although the arm was commanded to move is not new."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wm_planner.config import LimitsConfig
from wm_planner.control.command_limits import CommandLimits
from wm_planner.control.pose_monitor import STUCK, PoseMonitor
from wm_planner.types import Pose

START = np.array([0.5, 0.0, 0.5])
POSE = Pose(START, np.array([0.0, 0.0, 0.0, 1.0]), steady=1.0)
LIMITS = LimitsConfig(workspace_min=[0.0, -1.0, 0.0], workspace_max=[1.0, 1.0, 1.0])
BOUNDS = CommandLimits.of(LIMITS, [])
LEAD = np.array([LIMITS.max_lead, 0.0, 0.0])
FAR = START + 1.1 * STUCK * LEAD


@pytest.fixture
def poses() -> PoseMonitor:
    monitor = PoseMonitor()
    assert monitor.take(POSE, None, BOUNDS)
    monitor.restart(START)
    return monitor


def test_a_repeated_pose_is_new_while_the_arm_is_not_commanded_to_move(poses: PoseMonitor) -> None:
    for commanded in (None, START, START + 0.9 * STUCK * LEAD):
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
