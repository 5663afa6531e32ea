"""Velocity commands also correct the tracking error, within the limits."""

from __future__ import annotations

import numpy as np
import pytest
from commander_rig import DOWN, MOVE, START, TICK, CommanderRig

from wm_planner.control import LimitViolation
from wm_planner.models import ModelSpec
from wm_planner.types import Pose


@pytest.fixture
def velocities(spec: ModelSpec) -> CommanderRig:
    return CommanderRig(spec, follows=False, type="twist_stamped")


def test_a_velocity_command_also_corrects_the_tracking_error(
    velocities: CommanderRig,
) -> None:
    velocities.commander.splice([[0.04, 0, 0]], 0.0, 0.0)
    velocities.run(1.0)
    np.testing.assert_allclose(velocities.sent[-1].velocity, [0.04, 0, 0], atol=1e-9)
    velocities.commander.stop(velocities.now)
    velocities.settle()
    assert not velocities.sent[-1].velocity.any()


def test_no_velocity_command_is_faster_than_the_limit(velocities: CommanderRig) -> None:
    velocities.config.limits.max_speed = 0.22
    velocities.commander.apply(velocities.config.limits)
    velocities.plan([0.04, 0.0, 0.0])
    with pytest.raises(LimitViolation, match="max_lead"):
        velocities.run(2.0)
    speeds = [np.linalg.norm(command.velocity) for command in velocities.sent]
    assert 0.21 < max(speeds) <= 0.2203


def test_the_correction_keeps_to_the_acceleration(spec: ModelSpec) -> None:
    rig = CommanderRig(spec, follows=False, type="twist_stamped", feedback=5.0)
    rig.run(0.1)
    away = Pose(START + np.array([0.07, 0.0, 0.0]), DOWN, 0.0)
    for _ in range(20):
        rig.now += TICK
        rig.commander.send(away, rig.now)
    rig.commander.stop(rig.now)
    rig.settle()
    commanded = np.array([command.velocity for command in rig.sent])
    assert np.abs(commanded).max() > 0.3
    limit = rig.config.limits.max_acceleration
    assert np.linalg.norm(np.diff(commanded, axis=0), axis=1).max() <= limit * TICK * 1.001
    assert rig.sent[-1].stop
    assert not commanded[-1].any()


@pytest.mark.parametrize("kind", ["pose_stamped", "twist_stamped"])
def test_a_stop_keeps_to_the_acceleration_wherever_the_arm_is_measured(
    spec: ModelSpec, kind: str
) -> None:
    rig = CommanderRig(spec, type=kind)
    rig.config.limits.max_acceleration, rig.config.limits.policy = 2.0, "clamp"
    rig.commander.apply(rig.config.limits)
    rig.plan([0.09, 0.0, 0.0])
    rig.run(0.5)
    assert rig.sent[-1].velocity[0] > 0.4
    outlier = Pose(START + 1.0, DOWN, 0.0)
    with pytest.raises(LimitViolation, match="current_pose is wrong"):
        rig.commander.send(outlier, rig.now + TICK)
    rig.now += TICK
    rig.commander.stop(rig.now)
    rig.settle()
    assert rig.sent[-1].stop
    commanded = np.diff(rig.positions(), axis=0) / TICK
    commanded = np.array([c.velocity for c in rig.sent]) if kind == "twist_stamped" else commanded
    assert np.linalg.norm(np.diff(commanded, axis=0), axis=1).max() <= 2.0 * TICK * 1.002


def test_a_hold_works_while_ros_time_stands_still(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    rig.run(0.3)
    assert rig.commander.moving
    rig.commander.hold(rig.now)
    rig.settle()
    assert not rig.commander.moving
    steps = np.diff(rig.positions()[:, 0])
    assert np.abs(np.diff(steps)).max() <= 10.0 * TICK**2 * 1.01, "limits.max_acceleration"


def test_while_holding_the_tracking_error_is_not_corrected(velocities: CommanderRig) -> None:
    velocities.plan([0.02, 0.0, 0.0])  # the measured pose stands still
    velocities.run(0.5)
    assert velocities.sent[-1].velocity[0] > 0.04
    velocities.commander.hold(velocities.now)
    velocities.run(0.5)
    assert not velocities.sent[-1].velocity.any()
    velocities.plan([0.02, 0.0, 0.0])
    velocities.run(0.1)
    assert velocities.sent[-1].velocity[0] > 0.04
