"""No command brings the links of an arm together, whatever is wanted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms import HOME, URDF
from gate_follower import ARM, DT, LIMITS, LINKS, NEARER, Follower

from wm_planner.config import LimitsConfig
from wm_planner.control.gate import CommandGate, LimitViolation
from wm_planner.control.hand_gate import HandGate
from wm_planner.control.kinematic_gate import KinematicGate
from wm_planner.control.part_gate import Sent
from wm_planner.kinematics import Arm
from wm_planner.types import Pose

WIDE = LimitsConfig(
    workspace_min=[-1.0, -1.0, -1.0],
    workspace_max=[1.0, 1.0, 1.5],
    max_joint_acceleration=5.0,
    policy="clamp",
)
KINDS = ["<a/>", "<b/>", "<c/>", "<d/>", "<e/>", "<f/>", "<g/>"]
FOLDED = HOME + np.array([0, 0, 0, -0.7, 0, -0.8, 0])  # the hand is inside of link 2
APART = WIDE.min_link_distance


def _nearest(joints: np.ndarray) -> float:
    return float(LINKS.distances(joints).min())


def _toward(gate: HandGate, sent: Sent, wanted: np.ndarray) -> Sent:
    step = np.clip(wanted - sent.point, -0.02, 0.02)
    return gate.check(sent.point + step, previous=sent, measured=sent.point, dt=DT)


def _gate(**changes: object) -> HandGate:
    return HandGate(replace(WIDE, **changes), ARM.joints, ARM, grips=False)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_joints_are_wanted_the_links_stay_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gate, free = _gate(), _gate(min_link_distance=0.0)
    sent = crossed = Sent(HOME, np.zeros(7))
    for _ in range(8):
        wanted = rng.uniform(ARM.limits.lower, ARM.limits.upper)
        for _ in range(120):
            sent, crossed = _toward(gate, sent, wanted), _toward(free, crossed, wanted)
            assert _nearest(sent.point) >= APART - NEARER
            assert np.abs(sent.velocity).max() <= 1.0011 * WIDE.max_joint_speed


def test_the_arm_holds_where_links_would_touch_says_so_and_comes_back() -> None:
    gate, sent = _gate(), Sent(HOME, np.zeros(7))
    for _ in range(200):
        sent = _toward(gate, sent, FOLDED)
    assert np.abs(sent.velocity).max() < 0.01
    assert APART - NEARER <= _nearest(sent.point) < APART + 0.005
    (said,) = gate.problems
    assert "panda_link2 and panda_hand come no nearer to each other than" in said
    assert "limits.min_link_distance (0.01 m)" in said
    for _ in range(200):
        sent = _toward(gate, sent, HOME)
    np.testing.assert_allclose(sent.point, HOME, atol=1e-6)
    assert gate.problems == []


def test_an_arm_that_is_held_does_not_creep_nearer() -> None:
    gate, sent = _gate(), Sent(HOME, np.zeros(7))
    for _ in range(3000):
        sent = _toward(gate, sent, FOLDED)
    assert _nearest(sent.point) >= APART - 2e-5


def test_joints_may_come_in_any_order() -> None:
    order = [3, 0, 6, 2, 1, 5, 4]
    gate = HandGate(WIDE, [ARM.joints[i] for i in order], ARM, grips=False)
    sent = Sent(HOME[order], np.zeros(7))
    for _ in range(200):
        sent = _toward(gate, sent, FOLDED[order])
    held = sent.point[np.argsort(order)]
    assert APART - NEARER <= _nearest(held) < APART + 0.005


def test_with_a_distance_of_0_nothing_is_checked() -> None:
    gate, sent = _gate(min_link_distance=0.0), Sent(HOME, np.zeros(7))
    for _ in range(200):
        sent = _toward(gate, sent, FOLDED)
    assert _nearest(sent.point) < -0.05
    assert gate.problems == gate.unchecked == []


def test_links_that_touch_at_the_start_come_apart_but_no_nearer() -> None:
    way = [HOME + share * (FOLDED - HOME) for share in np.linspace(0, 1, 50)]
    touching = next(joints for joints in way if _nearest(joints) < 0)
    gate = _gate()
    sent = Sent(gate.start(Pose(touching, np.array([0, 0, 0, 1.0]), 0.0)), np.zeros(7))
    allowed = np.minimum(LINKS.distances(touching), APART)
    for _ in range(100):
        sent = _toward(gate, sent, FOLDED)
        assert (LINKS.distances(sent.point) >= allowed - 2e-5).all()
    (said,) = gate.problems
    assert "panda_link2 and panda_hand are -0.00" in said
    assert "so that they may only come apart: move the arm to another posture, or check" in said
    for wanted, count in ((HOME, 20), (FOLDED, 100)):
        for _ in range(count):
            sent = _toward(gate, sent, wanted)
    assert _nearest(sent.point) == pytest.approx(allowed.min(), abs=1e-3), "as at the start"
    for _ in range(200):
        sent = _toward(gate, sent, HOME)
    np.testing.assert_allclose(sent.point, HOME, atol=1e-6)


def test_under_refuse_a_goal_ends_where_links_would_touch() -> None:
    gate, sent = _gate(policy="refuse"), Sent(HOME, np.zeros(7))
    said = ""
    for i in range(400):
        wanted = sent.point + np.clip(FOLDED - sent.point, -0.002, 0.002) * min(1.0, i / 50)
        try:
            sent = gate.check(wanted, previous=sent, measured=sent.point, dt=DT)
        except LimitViolation as error:
            said = str(error)
            break
    assert "its links apart (limits.min_link_distance)" in said
    assert "; panda_link2 and panda_hand come no nearer" in said
    assert _nearest(sent.point) >= APART - NEARER


def test_poses_that_would_fold_the_arm_are_not_followed_to_the_end() -> None:
    limits = replace(LIMITS, workspace_min=[-0.5, -0.7, -0.1], max_tilt=2.5, max_twist=3.1416)
    follower = Follower(limits)
    start, goal = follower.sent.point, ARM.pose(FOLDED)
    said = set()
    for _ in range(400):
        follower.go(goal)
        said.update(follower.gate.problems)
    assert any("come no nearer to each other than limits.min" in text for text in said), said
    for _ in range(400):
        follower.go(start)
    assert np.linalg.norm(follower.sent.point - start) < 1e-3
    follower.check()


def test_poses_come_as_near_as_at_the_start_of_a_goal_too() -> None:
    limits = replace(LIMITS, workspace_min=[-0.5, -0.7, -0.1], max_tilt=2.5, max_twist=3.1416)
    way = [HOME + share * (FOLDED - HOME) for share in np.linspace(0, 1, 200)]
    near = next(joints for joints in way if _nearest(joints) < 0.5 * APART)
    follower = Follower(limits, near)
    start = follower.sent.point
    for wanted, count in ((ARM.pose(HOME), 30), (start, 150)):
        for _ in range(count):
            follower.go(wanted)
    assert _nearest(follower.joints[-1]) == pytest.approx(_nearest(near), abs=5e-4)


def test_what_held_an_earlier_command_is_forgotten() -> None:
    names = [f"*{i}" for i in range(1, 8)]
    narrow = {"joint_min": (HOME - 0.05).tolist(), "joint_max": (HOME + 0.05).tolist()}
    follower = Follower(replace(LIMITS, joint_names=names, **narrow))
    goal = follower.sent.point + np.array([0, 0, 0.3, 0, 0, 0, 0])
    for _ in range(60):
        follower.gate._limits.obstacle = "earlier"
        follower.go(goal)
    (said,) = follower.gate.problems
    assert "can turn no further" in said


def test_what_is_not_checked_is_said() -> None:
    assert CommandGate(WIDE).unchecked == []
    assert KinematicGate(LIMITS, ARM, turns=True, grips=False).unchecked == []
    bare = Arm(URDF.replace("capsule", "egg"), "panda_link0", "panda_hand_tcp")
    gates = [
        KinematicGate(LIMITS, bare, turns=True, grips=False),
        HandGate(WIDE, bare.joints, bare, grips=False),
    ]
    for gate in gates:
        shapes, nothing = gate.unchecked
        assert "not checked for shapes of panda_link0, panda_link1, " in shapes
        assert "'egg' is no shape that is known" in shapes
        assert "the URDF of commands.kinematics has no collision shapes of links that" in nothing
    balls = "".join(f"<collision><geometry>{s}</geometry></collision>" for s in KINDS)
    wide = '<collision><geometry><sphere radius="0.9"/></geometry></collision>'
    text = URDF.replace('<link name="panda_link0">', f'<link name="panda_link0">{wide}{balls}')
    *reasons, others, near = HandGate(
        WIDE, ARM.joints, Arm(text, "panda_link0", "panda_hand_tcp"), grips=False
    ).unchecked
    assert len(reasons) == 5
    assert "not checked for shapes of panda_link0, for other reasons" in others
    assert "not checked between panda_link0 - panda_link3, panda_link0 - panda_link4" in near
    assert "nearer than limits.min_link_distance in most postures" in near
