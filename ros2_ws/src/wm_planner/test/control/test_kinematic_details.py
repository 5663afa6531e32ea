"""Poses whose receiver takes joints: posture, orientation, feedback, and which limits count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms import HOME, URDF, joint, urdf
from gate_follower import ARM, DT, LIMITS, Follower, pose_of

from wm_planner.config import LimitsConfig
from wm_planner.control.command_limits import LimitsError
from wm_planner.control.gate import LimitViolation
from wm_planner.control.hand_limits import joint_config
from wm_planner.control.kinematic_gate import KinematicGate
from wm_planner.control.part_gate import Sent
from wm_planner.kinematics import Arm
from wm_planner.types import Pose

WIDE = 'lower="-3" upper="3" velocity="2"'


def test_a_hand_that_is_not_turned_gets_back_what_it_missed_of_its_orientation() -> None:
    start = pose_of(HOME)
    missed = np.concatenate([start.position, [0.9999, 0.0141, 0.0, 0.0]])
    for turns in (True, False):
        gate = KinematicGate(LIMITS, ARM, turns=turns, grips=False)
        gate.start(start)
        basis = gate.basis(missed)
        np.testing.assert_array_equal(basis[:3], missed[:3])
        np.testing.assert_allclose(basis[3:], missed[3:] if turns else start.orientation)


def test_freedom_is_used_to_go_to_the_posture_of_the_settings() -> None:
    posture = HOME + 0.3 * np.linalg.svd(ARM.jacobian(HOME))[2][-1]  # another elbow
    posture += ARM.inverse(HOME, np.array([0.3, 0.2, -0.2, 0, 0, 0]))  # and hand
    before = np.linalg.norm(ARM.free(HOME, posture - HOME))
    gate = KinematicGate(LIMITS, ARM, posture.tolist(), turns=True, grips=False)
    gate.pace = 1.0
    start = sent = Sent(gate.start(pose_of(HOME)), np.zeros(6))
    for _ in range(75):
        measured = gate.measure(gate.followed(sent.point, pose_of(HOME)))
        sent = gate.check(start.point, previous=sent, measured=measured, dt=DT)
        assert np.abs(gate.output(sent, None)[1]).max() < 0.55
        np.testing.assert_allclose(sent.point, start.point, atol=1e-4)
    joints, _, _ = gate.output(sent, None)
    assert np.linalg.norm(ARM.free(joints, posture - joints)) < 0.2 * before
    with pytest.raises(LimitsError, match=r"commands\.posture has 3 numbers, but the arm has 7"):
        KinematicGate(LIMITS, ARM, [0.0] * 3, turns=True, grips=False)


def test_a_posture_of_an_endless_joint_is_a_turn_away_at_most() -> None:
    endless = URDF.replace(
        'name="panda_joint3" type="revolute"', 'name="panda_joint3" type="continuous"'
    )
    arm = Arm(endless, "panda_link0", "panda_hand_tcp")
    start = HOME + np.array([0, 0, -3.1, 0, 0, 0, 0])
    posture = start + np.array([0, 0, 2 * np.pi - 0.1, 0, 0, 0, 0])
    gate = KinematicGate(LIMITS, arm, posture.tolist(), turns=False, grips=False)
    at = arm.pose(start)
    gate.start(Pose(at[:3], at[3:], 0.0, 0.0, start))
    np.testing.assert_allclose(gate._posture - start, [0, 0, -0.1, 0, 0, 0, 0], atol=1e-9)


@pytest.mark.parametrize("policy", ["clamp", "refuse"])
def test_an_arm_of_five_joints_follows_positions(policy: str) -> None:
    turns = [("0 0 1", "0 0 0.3"), ("0 1 0", "0 0 0.1"), ("0 1 0", "0 0 0.4"), ("0 1 0", "0 0 0.3")]
    turns.append(("0 0 1", "0 0 0.1"))
    joints = [
        joint(f"j{i}", *"abcdef"[i : i + 2], axis=axis, xyz=xyz, limit=WIDE)
        for i, (axis, xyz) in enumerate(turns)
    ]
    arm, start = Arm(urdf(*joints), "a", "f"), np.array([0.1, 0.6, 1.0, 0.8, 0.1])
    limits = LimitsConfig(workspace_min=[-1.0] * 3, workspace_max=[1.0, 1.0, 2.0], policy=policy)
    gate = KinematicGate(limits, arm, turns=False, grips=False)
    at = arm.pose(start)
    pose = Pose(at[:3], at[3:], 0.0, 0.0, start)
    sent = begin = Sent(gate.start(pose), np.zeros(6))
    for i in range(1, 101):
        wanted = begin.point + np.array([0, 0.0015 * min(i, 80), 0, 0, 0, 0, 0])
        measured = gate.measure(gate.followed(sent.point, pose))
        sent = gate.check(wanted, previous=sent, measured=measured, dt=DT)
        assert gate.problems == []
    np.testing.assert_allclose(sent.point[:3], wanted[:3], atol=1e-3)


def test_a_feedback_also_leads_back_what_the_hand_does_not_see() -> None:
    follower = Follower()
    null = np.linalg.svd(ARM.jacobian(HOME))[2][-1]
    follower.gate.measure(pose_of(HOME - 0.1 * null))
    _, _, error = follower.gate.output(follower.sent, np.zeros(6))
    assert error is not None
    assert error @ null == pytest.approx(0.1, abs=0.01)


def test_a_velocity_of_the_joints_keeps_the_speed_of_the_hand() -> None:
    follower = Follower()
    fast = np.array([0.9, 0.9, 0.0, 0.9, 0.0, 0.0, 0.0])
    hand = ARM.jacobian(HOME) @ follower.gate.receiver.slow(fast)
    assert np.linalg.norm((ARM.jacobian(HOME) @ fast)[:3]) > 0.3
    assert np.linalg.norm(hand[:3]) <= 0.2501


def test_the_velocity_of_the_joints_corrects_the_error_of_the_hand() -> None:
    follower = Follower()
    error = np.array([0.01, 0.0, -0.02, 0.0, 0.05, 0.0])
    _, _, joints = follower.gate.output(follower.sent, error)
    assert joints is not None
    np.testing.assert_allclose(ARM.jacobian(HOME) @ joints, error, atol=3e-3)


def test_measured_joints_far_from_the_commanded_ones_end_the_goal() -> None:
    follower = Follower()
    away = HOME + np.array([0.0, 0, 0, 0, 0, 0, 0.5])
    measured = follower.gate.measure(pose_of(away))
    with pytest.raises(LimitViolation, match=r"commanded positions.*max_joint_lead"):
        follower.gate.check(
            measured, previous=Sent(measured, np.zeros(6)), measured=measured, dt=DT
        )
    assert follower.gate.counters.limits == {"joint_tracking_error": 1}


def test_a_goal_may_not_start_with_a_joint_outside() -> None:
    gate = KinematicGate(LIMITS, ARM, turns=True, grips=False)
    assert gate.why_outside(pose_of(HOME)) == ""
    bent = HOME + np.array([0, 0, 0, 0, 0, 0, 2.9])
    assert "positions" in KinematicGate(
        replace(LIMITS, orientation=[], max_tilt=2.5), ARM, turns=False, grips=False
    ).why_outside(pose_of(bent))


def test_the_limits_are_the_stricter_ones_of_settings_and_urdf() -> None:
    config = joint_config(LIMITS, ARM)
    assert config.joint_min == ARM.limits.lower.tolist()
    assert config.max_joint_speed == 1.0
    assert config.max_joint_acceleration == 5.0
    config = joint_config(replace(LIMITS, max_joint_speed=9.0, max_joint_acceleration=99.0), ARM)
    assert config.max_joint_speed == 2.175
    assert config.max_joint_acceleration == 7.5
    names = ["*joint7", "*joint6", "*joint5", "*joint4", "*joint3", "*joint2", "*joint1"]
    limits = replace(LIMITS, joint_names=names, joint_min=[-1.0] * 7, joint_max=[1.0] * 7)
    with pytest.raises(LimitsError, match="leave panda_joint4 no room"):
        joint_config(replace(limits, joint_min=[0.1] * 7), ARM)
    limits.joint_min[3] = -9.0
    config = joint_config(limits, ARM)
    assert config.joint_min == [-1.0, -1.0, -1.0, -3.0718, -1.0, -0.0175, -1.0]
    assert config.joint_max == [1.0, 1.0, 1.0, -0.0698, 1.0, 1.0, 1.0]


def test_limits_for_other_joints_are_refused() -> None:
    limits = replace(LIMITS, joint_names=["a"], joint_min=[-1.0], joint_max=[1.0])
    with pytest.raises(LimitsError, match="exactly one entry for the commanded joint panda_joint1"):
        KinematicGate(limits, ARM, turns=True, grips=False)


def test_joints_that_turn_without_end_may_be_measured_a_turn_away() -> None:
    endless = URDF.replace(
        'name="panda_joint1" type="revolute"', 'name="panda_joint1" type="continuous"'
    )
    arm = Arm(endless, "panda_link0", "panda_hand_tcp")
    gate = KinematicGate(LIMITS, arm, turns=True, grips=False)
    sent = Sent(gate.start(pose_of(HOME)), np.zeros(6))
    measured = gate.measure(pose_of(HOME + np.array([2 * np.pi, 0, 0, 0, 0, 0, 0])))
    found = gate.check(sent.point, previous=sent, measured=measured, dt=DT)
    np.testing.assert_allclose(found.point, sent.point, atol=1e-9)
