"""Poses whose receiver takes joints: whatever is wanted, the joints keep their limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms import HOME
from gate_follower import ARM, DOWN, DT, LIMITS, SMALL, Follower
from scipy.spatial.transform import Rotation


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
