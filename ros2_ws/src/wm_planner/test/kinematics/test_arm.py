"""Where the tip of an arm is, and which joints bring it to a pose."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from arms import BASE, HOME, TIP, URDF, joint, panda, planar, urdf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from wm_planner.kinematics import Arm, InverseKinematics, KinematicsError

ARM = panda()
LIMITS = replace(ARM.limits, speed=np.full(7, 1.0), acceleration=np.full(7, 5.0))
DT = 0.02
shares = st.lists(st.floats(0.05, 0.95), min_size=7, max_size=7).map(np.array)
# Denavit-Hartenberg parameters of the Panda (Franka Robotics, modified convention), then flange and
# hand: a [m], d [m], alpha [rad].
DH = [
    (0.0, 0.333, 0.0),
    (0.0, 0.0, -np.pi / 2),
    (0.0, 0.316, np.pi / 2),
    (0.0825, 0.0, np.pi / 2),
    (-0.0825, 0.384, -np.pi / 2),
    (0.0, 0.0, np.pi / 2),
    (0.088, 0.0, np.pi / 2),
]


def _within(share: np.ndarray) -> np.ndarray:
    return ARM.limits.lower + share * (ARM.limits.upper - ARM.limits.lower)


def _solver(posture: np.ndarray) -> InverseKinematics:
    solver = InverseKinematics(ARM, LIMITS)
    solver.stay_near(posture)
    return solver


def _by_table(joints: np.ndarray) -> tuple[np.ndarray, Rotation]:
    """Position and orientation of the hand by the table."""
    at, turned = np.zeros(3), Rotation.identity()
    for (a, d, alpha), angle in zip(DH, joints, strict=True):
        at, turned = at + turned.apply([a, 0, 0]), turned * Rotation.from_euler("x", alpha)
        at, turned = at + turned.apply([0, 0, d]), turned * Rotation.from_euler("z", angle)
    at = at + turned.apply([0, 0, 0.107 + 0.1034])
    return at, turned * Rotation.from_euler("z", -np.pi / 4)


@given(share=shares)
def test_the_pose_is_that_of_franka_s_table(share: np.ndarray) -> None:
    joints = _within(share)
    pose, (at, turned) = ARM.pose(joints), _by_table(joints)
    np.testing.assert_allclose(pose[:3], at, atol=1e-9)
    assert (turned * Rotation.from_quat(pose[3:]).inv()).magnitude() < 1e-6


@given(share=shares)
def test_the_places_are_those_of_base_joints_and_tip(share: np.ndarray) -> None:
    joints = _within(share)
    places = ARM.places(joints)
    assert places.shape == (9, 3)
    np.testing.assert_allclose(places[0], 0)
    np.testing.assert_allclose(places[-1], ARM.pose(joints)[:3], atol=1e-9)
    at, turned = np.zeros(3), Rotation.identity()
    for i, ((a, d, alpha), angle) in enumerate(zip(DH, joints, strict=True), 1):
        at, turned = at + turned.apply([a, 0, 0]), turned * Rotation.from_euler("x", alpha)
        at, turned = at + turned.apply([0, 0, d]), turned * Rotation.from_euler("z", angle)
        np.testing.assert_allclose(places[i], at, atol=1e-9)


def test_places_of_an_earlier_posture_stay_as_they_were() -> None:
    """Pinocchio computes in one memory; a reader in another thread must not see it change."""
    first = ARM.places(HOME)
    kept = first.copy()
    ARM.places(HOME + 0.3)
    np.testing.assert_array_equal(first, kept)


@given(share=shares)
def test_the_jacobian_is_the_derivative_of_the_pose(share: np.ndarray) -> None:
    joints, step = _within(share), 1e-6
    jacobian = ARM.jacobian(joints)
    for i in range(7):
        change = np.eye(7)[i] * step
        before, after = ARM.pose(joints - change), ARM.pose(joints + change)
        turn = Rotation.from_quat(after[3:]) * Rotation.from_quat(before[3:]).inv()
        moved = np.concatenate([after[:3] - before[:3], turn.as_rotvec()]) / (2 * step)
        np.testing.assert_allclose(jacobian[:, i], moved, atol=1e-6)


def test_the_base_may_be_any_link_before_the_tip() -> None:
    part = Arm(URDF, "panda_link5", TIP)
    assert part.joints == ["panda_joint6", "panda_joint7"]
    np.testing.assert_allclose(part.pose(np.zeros(2))[:3], [0.088, 0, -0.107 - 0.1034], atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(share=shares, move=st.tuples(*[st.floats(-0.1, 0.1)] * 6).map(np.array))
def test_steps_follow_a_slow_pose(share: np.ndarray, move: np.ndarray) -> None:
    joints, velocity = _within(share), np.zeros(7)
    start, solver = ARM.pose(joints), _solver(joints)
    easy = True
    for passed in np.minimum(np.linspace(0, 1.5, 75), 1.0):
        turned = Rotation.from_rotvec(passed * move[3:]) * Rotation.from_quat(start[3:])
        goal = np.concatenate([start[:3] + passed * move[:3], turned.as_quat()])
        found = solver.step(goal, joints, velocity, DT, pull=0.0)
        assert found is not None
        joints, velocity = found, (found - joints) / DT
        assert (np.abs(velocity) <= LIMITS.speed + 1e-9).all()
        ends = np.minimum(joints - LIMITS.lower, LIMITS.upper - joints)
        easy &= ARM.dexterity(joints) > 0.5 and bool((ends > 0.2).all())
    if easy:  # no singularity and no end of a joint on the way
        np.testing.assert_allclose(ARM.pose(joints)[:3], goal[:3], atol=1e-3)


def test_a_tip_that_cannot_be_as_fast_as_wanted_keeps_its_direction() -> None:
    start = ARM.pose(HOME)
    goal = start + np.array([0.0, 0.3, 0.0, 0, 0, 0, 0])
    solver, joints, velocity = _solver(HOME), HOME, np.zeros(7)
    for _ in range(20):
        found = solver.step(goal, joints, velocity, DT, pull=0.0)
        assert found is not None
        joints, velocity = found, (found - joints) / DT
    moved = ARM.pose(joints)[:3] - start[:3]
    assert moved[1] > 0.03
    assert np.abs(moved[[0, 2]]).max() < 0.02 * moved[1]
    assert np.abs(velocity).max() == pytest.approx(1.0, abs=0.01)


def test_joints_go_back_to_their_posture_without_moving_the_tip() -> None:
    solver = _solver(HOME)
    joints, velocity = HOME + 0.0, np.zeros(7)
    null = np.linalg.svd(ARM.jacobian(HOME))[2][-1]
    joints = joints + 0.2 * null
    pose = ARM.pose(joints)
    for _ in range(200):
        found = solver.step(pose, joints, velocity, DT, pull=0.05)
        assert found is not None
        joints, velocity = found, (found - joints) / DT
    assert np.linalg.norm(joints - HOME) < 0.1
    assert np.linalg.norm(ARM.pose(joints)[:3] - pose[:3]) < 1e-4


def test_a_move_of_the_joints_divides_into_one_of_the_tip_and_a_free_one() -> None:
    jacobian, elbow = ARM.jacobian(HOME), np.linalg.svd(ARM.jacobian(HOME))[2][-1]
    tip = np.array([0.02, -0.03, 0.01, 0.05, -0.04, 0.02])
    inverse = ARM.inverse(HOME, tip)
    np.testing.assert_allclose(jacobian @ inverse, tip, atol=0.005)  # it is damped
    assert abs(inverse @ elbow) < 1e-9, "the least move"
    np.testing.assert_allclose(ARM.free(HOME, 0.3 * elbow + inverse), 0.3 * elbow, atol=0.02)


def test_joints_that_rest_stay_where_they_are() -> None:
    solver, pose = _solver(HOME + 0.1), ARM.pose(HOME)
    found = solver.step(pose, HOME, np.zeros(7), DT, pull=0.0)
    assert found is not None
    np.testing.assert_allclose(found, HOME, atol=1e-9)


def test_the_dexterity_falls_to_zero_at_a_singularity() -> None:
    assert ARM.dexterity(HOME) > 0.8
    stretched = np.array([0.0, 0.0, 0.0, 0.0, 0.0, np.pi / 2, 0.0])
    assert ARM.dexterity(stretched) < 1e-6
    for count in (2, 3, 5):
        bent = np.full(count, 0.5)
        assert planar(count).dexterity(bent) > 0.05, "fewer joints are no singularity"


def test_an_endless_joint_is_compared_less_whole_turns() -> None:
    arm = Arm(
        urdf(joint("j1", "a", "b", type="continuous", limit='velocity="1"'), joint("j2", "b", "c")),
        "a",
        "c",
    )
    near = arm.near(np.array([-3.1, 1.0]), np.array([3.1, 1.0 + 2 * np.pi]))
    np.testing.assert_allclose(near, [2 * np.pi - 3.1, 1.0])


@pytest.mark.parametrize("library", ["pink", "pinocchio", "coal"])
def test_a_missing_library_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    words = r"needs the Python packages pin, pin-pink and coal, .* install them with `make kinem"
    with pytest.raises(KinematicsError, match=words):
        Arm(URDF, BASE, TIP)
