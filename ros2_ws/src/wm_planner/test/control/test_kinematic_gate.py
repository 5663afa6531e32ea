"""Poses whose receiver takes joints: whatever is wanted, the joints keep their limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms import HOME, URDF, joint, panda, urdf
from scipy.spatial.transform import Rotation

from wm_planner.config import LimitsConfig
from wm_planner.control.command_limits import LimitsError
from wm_planner.control.gate import LimitViolation
from wm_planner.control.hand_limits import joint_config
from wm_planner.control.kinematic_gate import KinematicGate
from wm_planner.control.part_gate import Sent
from wm_planner.kinematics import Arm
from wm_planner.types import Pose

ARM = panda()
DOWN = [1.0, 0.0, 0.0, 0.0]
LIMITS = LimitsConfig(
    workspace_min=[0.1, -0.7, -0.1],
    workspace_max=[0.9, 0.7, 0.9],
    orientation=DOWN,
    max_tilt=1.2,
    max_twist=2.0,
    max_speed=0.25,
    max_acceleration=1.5,
    max_joint_acceleration=5.0,
)
SMALL = replace(
    LIMITS,
    workspace_min=[0.25, -0.15, 0.4],
    workspace_max=[0.45, 0.15, 0.55],
    max_tilt=0.3,
    max_twist=0.5,
)
DT = 0.02
SLACK = 1.0011
BENDING = 1.2  # times the speed of a hand whose joints slow alike on a bent way
WIDE = 'lower="-3" upper="3" velocity="2"'
OUTSIDE = 1e-3  # [m, rad] by which a hand may leave its region on a bent way


def _pose(joints: np.ndarray) -> Pose:
    at = ARM.pose(joints)
    return Pose(at[:3], at[3:], 0.0, 0.0, joints)


class Follower:
    """A gate and an arm that follows it at once."""

    def __init__(self, limits: LimitsConfig = LIMITS, start: np.ndarray = HOME) -> None:
        self.gate, self.limits = KinematicGate(limits, ARM, turns=True, grips=False), limits
        self.stopped: int | None = None  # when it began to slow
        self.gate.pace = 1.0
        self.sent = Sent(self.gate.start(_pose(start)), np.zeros(6))
        self.joints, self.velocities = [start], [np.zeros(7)]
        self.times, self.points = [DT], [self.sent.point]

    def go(self, wanted: np.ndarray, dt: float = DT) -> None:
        measured = self.gate.measure(_pose(self.joints[-1]))
        self.sent = self.gate.check(wanted, previous=self.sent, measured=measured, dt=dt)
        self._note(dt)

    def slow(self, share: float, dt: float = DT) -> None:
        self.stopped = self.stopped or len(self.points) - 1
        wanted = self.gate.space.moved(self.sent.point, share * dt * self.sent.velocity)
        self.sent = self.gate.check(wanted, previous=self.sent, measured=None, dt=dt)
        self._note(dt)

    def _note(self, dt: float) -> None:
        joints, velocity, _ = self.gate.output(self.sent, None)
        self.joints.append(joints)
        self.velocities.append(velocity)
        self.points.append(self.sent.point)
        self.times.append(dt)

    def check(self) -> None:
        """The joints have kept their limits, and the hand its region."""
        limits = self.limits
        joints, times = np.array(self.joints), np.array(self.times)
        velocities = np.array(self.velocities)
        assert (joints >= ARM.limits.lower - 1e-6).all()
        assert (joints <= ARM.limits.upper + 1e-6).all()
        np.testing.assert_allclose(np.diff(joints, axis=0), velocities[1:] * times[1:, None])
        assert np.abs(velocities).max() <= SLACK * 1.0
        passed = np.maximum(times[1:], (times[1:] + times[:-1]) / 2)
        changes = np.abs(np.diff(velocities, axis=0)).max(axis=1)
        assert (changes <= SLACK * limits.max_joint_acceleration * passed + 1e-9).all()
        points = np.array(self.points)
        speeds = np.linalg.norm(np.diff(points[:, :3], axis=0), axis=1) / times[1:]
        moved = speeds if self.stopped is None else speeds[: self.stopped]
        assert moved.max() <= SLACK * limits.max_speed
        assert speeds.max() <= BENDING * limits.max_speed
        assert (points[:, :3] >= np.array(limits.workspace_min) - OUTSIDE).all()
        assert (points[:, :3] <= np.array(limits.workspace_max) + OUTSIDE).all()
        tilts = np.arccos(np.clip(-Rotation.from_quat(points[:, 3:]).as_matrix()[:, 2, 2], -1, 1))
        assert tilts.max() <= limits.max_tilt + OUTSIDE
        hands = np.array([ARM.pose(posture) for posture in joints])
        np.testing.assert_allclose(hands[:, :3], points[:, :3], atol=1e-12)


def _wanted(numbers: np.ndarray) -> np.ndarray:
    """A pose in and around all that the arm can reach."""
    turned = Rotation.from_rotvec(1.5 * numbers[3:]) * Rotation.from_quat(DOWN)
    return np.concatenate([[0.5, 0, 0.4] + 0.8 * numbers[:3], turned.as_quat()])


def _walk(rng: np.random.Generator, dts: list[float]) -> Follower:
    """Follow poses that jump anywhere, near and far, with periods that may change."""
    follower = Follower()
    for _ in range(rng.integers(1, 12)):
        wanted = _wanted(rng.uniform(-1, 1, 6) * rng.choice([0.3, 1.0], 6))
        for _ in range(rng.integers(1, 30)):
            follower.go(wanted, float(rng.choice(dts)))
    return follower


@pytest.mark.parametrize("dts", [[0.005], [0.02], [0.04], [0.001, 0.02, 0.1]])
@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_wanted_the_joints_keep_their_limits(seed: int, dts: list[float]) -> None:
    _walk(np.random.default_rng(seed), dts).check()


@pytest.mark.parametrize("dt", [0.02, 0.001])
@pytest.mark.parametrize("longer", [1.0, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_from_any_motion_the_joints_come_to_rest_within_their_limits(
    seed: int, longer: float, dt: float
) -> None:
    follower = _walk(np.random.default_rng(100 + seed), [0.02])
    periods = int(np.ceil(longer * follower.gate.time_to_rest(follower.sent.velocity) / dt))
    for left in range(periods, 0, -1):
        follower.slow((left - 1) / left, dt)
    follower.check()
    assert np.abs(follower.velocities[-1]).max() < 0.02
    follower.gate.rest()
    assert not follower.gate.output(follower.sent, None)[1].any()


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("acceleration", [5.0, 2.0, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_joints_that_brake_slowly_keep_the_hand_in_a_small_region(
    seed: int, acceleration: float, stops: bool
) -> None:
    rng = np.random.default_rng(200 + seed)
    follower = Follower(replace(SMALL, max_joint_acceleration=acceleration))
    for _ in range(12):
        wanted = _wanted(rng.uniform(-1, 1, 6))
        for _ in range(rng.integers(10, 40)):
            follower.go(wanted)
    if stops:
        periods = int(np.ceil(follower.gate.time_to_rest(follower.sent.velocity) / DT))
        for left in range(periods, 0, -1):
            follower.slow((left - 1) / left)
    follower.check()
    assert follower.gate.counters.limits["box"] > 0, "it was led outside"


def test_an_arm_at_the_edge_of_its_region_goes_on_along_it() -> None:
    follower = Follower(SMALL)
    low = np.array(SMALL.workspace_min)
    for i in range(500):
        y = min(-0.1 + 0.0016 * i, 0.1)
        at = [low[0] - 0.01, y, 0.5]
        follower.go(np.array([*at, *DOWN]))
    np.testing.assert_allclose(follower.sent.point[:3], [low[0], 0.1, 0.5], atol=3e-3)
    assert follower.gate.problems == []
    follower.check()


def test_a_path_within_reach_is_followed_exactly() -> None:
    follower = Follower()
    start = follower.sent.point
    for i in range(1, 151):
        angle = 2 * np.pi * i / 150
        offset = 0.05 * np.array([np.sin(angle), 1 - np.cos(angle), 0.5 * np.sin(angle)])
        wanted = np.concatenate([start[:3] + offset * min(1.0, i / 20), start[3:]])
        follower.go(wanted)
        if i > 40:
            assert np.linalg.norm(follower.sent.point[:3] - wanted[:3]) < 1e-4
            assert follower.gate.problems == []
    follower.check()


def test_a_stretched_arm_slows_says_so_and_comes_back() -> None:
    follower = Follower()
    start = follower.sent.point
    for i in range(1, 200):
        follower.go(start + np.array([0.003 * i, 0, 0, 0, 0, 0, 0]))
    (said,) = follower.gate.problems
    assert "near a singularity" in said
    assert ARM.dexterity(follower.joints[-1]) > 0.1
    assert np.linalg.norm(follower.velocities[-1]) < 0.1
    for _ in range(250):
        follower.go(start)
    assert follower.gate.problems == []
    assert np.linalg.norm(follower.sent.point - start) < 1e-4
    follower.check()


def test_a_joint_at_its_end_is_named() -> None:
    limits = replace(LIMITS, joint_names=["*1", "*2", "*3", "*4", "*5", "*6", "*7"])
    limits.joint_min, limits.joint_max = (HOME - 0.1).tolist(), (HOME + 0.1).tolist()
    follower = Follower(limits)
    goal = follower.sent.point + np.array([0.2, 0.2, 0.0, 0, 0, 0, 0])
    for _ in range(100):
        follower.go(goal)
    (said,) = follower.gate.problems
    assert "can turn no further" in said
    assert "panda_joint" in said
    assert np.abs(follower.joints[-1] - HOME).max() <= 0.1 + 1e-6
    follower.check()


def test_an_arm_that_holds_does_not_move_even_away_from_its_posture() -> None:
    follower = Follower()
    start = follower.sent.point
    for i in range(100):
        follower.go(start + np.array([0.0, 0.002 * min(i, 50), 0, 0, 0, 0, 0]))
    for _ in range(50):
        follower.go(follower.sent.point)
    follower.gate.pace = 0.0
    for _ in range(10):
        follower.go(follower.sent.point)
    before = follower.joints[-1]
    for _ in range(100):
        follower.go(follower.sent.point)
    np.testing.assert_allclose(follower.joints[-1], before, atol=1e-6)


def test_a_hand_that_is_not_turned_gets_back_what_it_missed_of_its_orientation() -> None:
    start = _pose(HOME)
    missed = np.concatenate([start.position, [0.9999, 0.0141, 0.0, 0.0]])
    for turns in (True, False):
        gate = KinematicGate(LIMITS, ARM, turns=turns, grips=False)
        gate.start(start)
        basis = gate.basis(missed)
        np.testing.assert_array_equal(basis[:3], missed[:3])
        np.testing.assert_allclose(basis[3:], missed[3:] if turns else start.orientation)


def test_freedom_is_used_to_go_to_the_posture_of_the_settings() -> None:
    posture = HOME + 0.3 * np.linalg.svd(ARM.jacobian(HOME))[2][-1]  # another elbow
    gate = KinematicGate(LIMITS, ARM, posture.tolist(), turns=True, grips=False)
    gate.pace = 1.0
    start = sent = Sent(gate.start(_pose(HOME)), np.zeros(6))
    for _ in range(300):
        measured = gate.measure(gate.followed(sent.point, _pose(HOME)))
        sent = gate.check(start.point, previous=sent, measured=measured, dt=DT)
        assert np.abs(gate.output(sent, None)[1]).max() < 0.31
        np.testing.assert_allclose(sent.point, start.point, atol=1e-4)
    joints, _, _ = gate.output(sent, None)
    assert np.linalg.norm(joints - posture) < 0.2 * np.linalg.norm(HOME - posture)
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
    follower.gate.measure(_pose(HOME - 0.1 * null))
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
    measured = follower.gate.measure(_pose(away))
    with pytest.raises(LimitViolation, match=r"commanded positions.*max_joint_lead"):
        follower.gate.check(
            measured, previous=Sent(measured, np.zeros(6)), measured=measured, dt=DT
        )
    assert follower.gate.counters.limits == {"joint_tracking_error": 1}


def test_a_goal_may_not_start_with_a_joint_outside() -> None:
    gate = KinematicGate(LIMITS, ARM, turns=True, grips=False)
    assert gate.why_outside(_pose(HOME)) == ""
    bent = HOME + np.array([0, 0, 0, 0, 0, 0, 2.9])
    assert "positions" in KinematicGate(
        replace(LIMITS, orientation=[], max_tilt=2.5), ARM, turns=False, grips=False
    ).why_outside(_pose(bent))


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
    sent = Sent(gate.start(_pose(HOME)), np.zeros(6))
    measured = gate.measure(_pose(HOME + np.array([2 * np.pi, 0, 0, 0, 0, 0, 0])))
    found = gate.check(sent.point, previous=sent, measured=measured, dt=DT)
    np.testing.assert_allclose(found.point, sent.point, atol=1e-9)
