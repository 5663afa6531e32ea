"""A commander whose plans are Cartesian and whose receiver takes joints."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import psutil
import pytest
from arms import HOME, panda
from commander_rig import DOWN, MOVE, TICK, CommanderRig

from wm_planner.control import Commander
from wm_planner.control.shadow import ShadowCommander
from wm_planner.models import ModelSpec
from wm_planner.types import Pose

ARM = panda()


class JointRig(CommanderRig):
    """An arm that follows its joints."""

    def __init__(self, spec: ModelSpec, **commands: Any) -> None:
        super().__init__(spec, type="joint_state", kinematics="arm.urdf", **commands)

    def build(self, spec: ModelSpec) -> Commander:
        self.config.limits.max_acceleration = 1.5
        self.config.limits.policy = "clamp"
        return self.kind(self.config, spec, self.sent.append, ARM)

    kind: type[Commander] = Commander

    def pose(self) -> Pose:
        joints = self.sent[-1].position if self.follows and self.sent else HOME
        at = ARM.pose(joints)
        return Pose(at[:3], at[3:], 0.0, self.now if self.sent else 0.0, joints)

    def hands(self) -> np.ndarray:
        return np.array([ARM.pose(command.position) for command in self.sent])


class ShadowRig(JointRig):
    kind = ShadowCommander


def test_a_plan_of_the_hand_moves_the_joints(spec: ModelSpec) -> None:
    rig = JointRig(spec)
    rig.plan(MOVE)
    rig.run(1.0)
    hands = rig.hands()
    assert {command.position.shape for command in rig.sent} == {(7,)}
    assert hands[-1, 0] - hands[0, 0] > 0.03
    np.testing.assert_allclose(
        hands[:, 1:3], np.broadcast_to(hands[0, 1:3], (len(hands), 2)), atol=1e-3
    )
    np.testing.assert_allclose(np.abs(hands[:, 3:] @ DOWN), 1.0, atol=1e-5)


def test_a_stop_brings_all_joints_to_rest(spec: ModelSpec) -> None:
    rig = JointRig(spec)
    rig.plan(MOVE)
    rig.run(0.4)
    velocity = np.diff(rig.positions()[-2:], axis=0)[0] / TICK
    assert np.abs(velocity).max() > 0.1
    rig.commander.stop(rig.now)
    rig.settle()
    speeds = np.abs(np.diff(rig.positions(), axis=0)).max(axis=1) / TICK
    assert rig.sent[-1].stop
    assert not rig.sent[-1].velocity.any()
    assert speeds[-1] == 0
    assert not rig.commander.started


def test_an_arm_without_a_plan_does_not_move(spec: ModelSpec) -> None:
    rig = JointRig(spec, posture=(HOME + 0.1).tolist())
    rig.run(1.0)
    np.testing.assert_allclose(rig.positions(), np.broadcast_to(HOME, (50, 7)), atol=1e-9)


def test_plans_do_not_take_over_what_the_hand_missed_of_its_orientation(spec: ModelSpec) -> None:
    rig = JointRig(spec)
    rig.commander.gate.basis = lambda point: point  # type: ignore[method-assign]
    drifting = JointRig(spec)
    turned = np.array([0.99995, 0.01, 0.0, 0.0])
    for each in (rig, drifting):
        each.plan(MOVE)
        each.run(0.1)
        items = each.commander.history._items
        items[-1] = (*items[-1][:2], np.concatenate([items[-1][2][:3], turned]))
        each.plan(MOVE)
    assert rig.commander.plan_start is not None
    assert abs(rig.commander.plan_start[4]) > 0.009
    np.testing.assert_allclose(np.abs(drifting.commander.plan_start[3:] @ DOWN), 1.0, atol=1e-6)


def test_the_elbow_goes_to_its_posture_while_a_plan_is_followed(spec: ModelSpec) -> None:
    posture = HOME + 0.3 * np.linalg.svd(ARM.jacobian(HOME))[2][-1]
    rig = JointRig(spec, posture=posture.tolist())
    for _ in range(20):
        rig.plan([0.0, 0.0, 0.0])
        rig.run(0.1)
    left = np.linalg.norm(rig.sent[-1].position - posture)
    assert left < 0.4 * np.linalg.norm(HOME - posture)
    rig.commander.hold(rig.now)
    rig.commander.stop(rig.now)
    rig.settle()
    assert not rig.sent[-1].velocity.any()
    speeds = np.abs(np.diff(rig.positions(), axis=0)).max(axis=1) / TICK
    assert (np.abs(np.diff(speeds)) <= 1.01 * 20.0 * TICK).all(), "the elbow stops smoothly"


@pytest.mark.parametrize("feedback", [0.0, 2.0])
def test_the_feedback_of_an_arm_that_does_not_follow(spec: ModelSpec, feedback: float) -> None:
    rig = JointRig(spec, interface="velocity", feedback=feedback)
    rig.follows = False
    rig.plan(MOVE)
    rig.run(0.2)
    joints, velocity, _ = rig.commander.gate.output(rig.commander._last, np.zeros(6))
    behind = joints - HOME
    faster = (rig.sent[-1].velocity - velocity) @ behind
    assert (faster > 1e-4) == (feedback > 0)


def test_the_topic_of_the_joints_is_named_also_beside_a_receiver_of_poses(spec: ModelSpec) -> None:
    for kind in ("joint_state", "pose_stamped"):
        rig = JointRig(spec)
        rig.config.commands.type = kind
        gate = rig.build(spec).gate
        assert gate.limits.measured_by == "joint_states"


def test_velocities_are_those_of_the_joints(spec: ModelSpec) -> None:
    rig = JointRig(spec, interface="velocity")
    rig.follows = False  # it is measured where it started
    rig.plan(MOVE)
    for _ in range(20):
        rig.run(TICK)
    moved = np.array([command.velocity for command in rig.sent])
    assert moved.shape == (20, 7)
    hand = ARM.jacobian(HOME) @ moved[-1]
    assert hand[0] > 0.02
    assert np.linalg.norm(hand[:3]) <= 1.1 * rig.config.limits.max_speed


def test_a_shadow_shows_joints_from_the_measured_ones(spec: ModelSpec) -> None:
    rig = ShadowRig(spec)
    rig.follows = False
    rig.plan(MOVE)
    rig.run(0.5)
    assert np.abs(rig.positions()[0] - HOME).max() < 0.02
    assert rig.hands()[-1, 0] - rig.hands()[0, 0] > 0.01


@pytest.mark.slow
def test_starting_again_and_again_keeps_no_memory(spec: ModelSpec) -> None:
    rig = JointRig(spec)
    process = psutil.Process()

    def start(count: int) -> int:
        for _ in range(count):
            rig.commander.start(rig.pose(), rig.now)
        gc.collect()
        return int(process.memory_info().rss)

    before = start(500)
    assert start(2000) - before < 8e6  # less than 4 kB each
