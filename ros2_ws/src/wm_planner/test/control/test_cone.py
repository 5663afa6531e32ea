"""The cone around the nominal orientation: nothing leaves it, and everything in it is reached."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gate_parts import DOWN, LIMITS, PARTS, pose

from wm_planner.control import CommandGate
from wm_planner.control.part_gate import Sent
from wm_planner.control.rotation import turned
from wm_planner.control.rotation_limits import RotationLimits
from wm_planner.types import Pose


@pytest.mark.parametrize(("tilt", "twist"), [(0.5, 3.1), (2.2, 0.3), (1.0, 2.0)])
def test_the_twist_of_a_turn_is_counted_all_the_way(tilt: float, twist: float) -> None:
    """Compared with the sum of small pieces, also beyond pi."""
    limits = RotationLimits(replace(LIMITS, max_tilt=tilt, max_twist=twist), turns=True)
    random, pieces = np.random.default_rng(0), 4000
    for _ in range(60):
        start = limits.into(pose(turn=random.normal(size=3))[3:])
        move = random.normal(size=3)
        move *= random.uniform(0.1, 6.0) / np.linalg.norm(move)
        way = turned(np.tile(start, (pieces, 1)), np.linspace(0, 1, pieces)[:, None] * move)
        tilts, twists = np.array([limits.tilt_and_twist(at) for at in way]).T
        total = np.unwrap(twists)
        stays = tilts.max() <= tilt and np.abs(total).max() <= twist
        near = abs(tilts.max() - tilt) < 1e-3 or abs(np.abs(total).max() - twist) < 1e-2
        assert limits.stays(start, move) == stays or near


def test_no_turn_leads_through_the_back_of_the_twist() -> None:
    gate = PARTS["fast"].gate
    limits = gate.limits
    assert isinstance(limits, RotationLimits)
    sent, before = Sent(DOWN, np.zeros(3)), 0.0
    for _ in range(600):  # always a little further, as a plan of relative turns
        wanted = limits.moved(sent.point, np.array([0.0, 0.0, -0.3]))
        sent, _ = gate.nearest(wanted, sent, None, 0.02)
        twist = limits.tilt_and_twist(sent.point)[1]
        assert abs(twist - before) < 0.1, "no jump from one end to the other"
        before = twist
    assert 2.9 < twist <= 3.1 + 1e-6


def test_at_the_rim_the_hand_creeps_no_further() -> None:
    gate = PARTS["narrow cone"].gate
    limits = gate.limits
    assert isinstance(limits, RotationLimits)
    sent = Sent(DOWN, np.zeros(3))
    for k in range(3000):
        wanted = limits.moved(sent.point, 0.1 * np.array([np.sin(k / 50), np.cos(k / 50), 0.02]))
        sent, _ = gate.nearest(wanted, sent, None, 0.02)
        assert limits.tilt_and_twist(sent.point)[0] <= 0.6 + 3e-7


@pytest.mark.parametrize("name", ["narrow cone", "wide cone", "any twist", "fast"])
def test_from_anywhere_in_the_region_the_hand_comes_to_any_other_place_in_it(name: str) -> None:
    part, random = PARTS[name], np.random.default_rng(3)
    limits = part.gate.limits
    for _ in range(12):
        start, goal = (limits.into(part.draw(random.uniform(-2, 2, 3))) for _ in range(2))
        sent = Sent(start, np.zeros(3))
        for _ in range(2000):
            sent, _ = part.gate.nearest(goal, sent, None, 0.02)
            if limits.size(limits.between(sent.point, goal)) < 2e-3:
                break
        assert limits.size(limits.between(sent.point, goal)) < 2e-3


@pytest.mark.parametrize("turn", [[0.0, 0.62, 0.0], [0.0, 0.0, -1.22]])
def test_a_hand_slightly_outside_the_cone_is_brought_in_and_not_further_out(
    turn: list[float],
) -> None:
    gate, outward = CommandGate(LIMITS, turns=True), 1.5 * np.array(turn)
    sent = Sent(pose(turn=turn), np.zeros(6))
    for _ in range(40):
        sent = gate.check(pose(turn=outward), previous=sent, measured=sent.point, dt=0.02)
        assert gate.rotation
        tilt, twist = gate.rotation.tilt_and_twist(sent.point[3:])
        assert tilt <= 0.62 + 1e-6
        assert abs(twist) <= 1.22 + 1e-6
    assert tilt <= 0.601
    assert abs(twist) <= 1.201


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"orientation": []}, r"limits\.orientation is not set"),
        ({"orientation": [1.0, 1.0, 0.0, 0.0]}, "limits.orientation.*length of 1.414, not 1"),
    ],
)
def test_actions_that_turn_the_hand_need_a_nominal_orientation(
    changes: dict[str, list[float]], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        CommandGate(replace(LIMITS, **changes), turns=True)


def test_without_a_nominal_orientation_a_hand_that_does_not_turn_may_point_anywhere() -> None:
    gate = CommandGate(replace(LIMITS, orientation=[]))
    sideways = pose(turn=[0.0, 2.0, 0.0])
    assert gate.why_outside(Pose(sideways[:3], sideways[3:], 0.0)) == ""
    sent = gate.check(sideways, previous=Sent(sideways, np.zeros(6)), measured=sideways, dt=0.02)
    np.testing.assert_array_equal(sent.point, sideways)


@pytest.mark.parametrize("turn", [[0.0, 0.62, 0.0], [0.0, 0.0, 1.22]])
def test_a_hand_outside_goes_no_further_out_not_even_a_little(turn: list[float]) -> None:
    limits = PARTS["narrow cone"].gate.limits
    at, outward = pose(turn=turn)[3:], np.array(turn) / np.linalg.norm(turn)
    assert limits.stays(at, -1e-6 * outward)
    assert not limits.stays(at, 1e-8 * outward)
    assert limits.stays(at, np.zeros(3))


def test_only_hands_that_turn_slow_the_arm_by_their_limits() -> None:
    config = replace(LIMITS, max_angular_speed=2.0, max_angular_acceleration=1.0)
    assert CommandGate(config).time_to_rest() == LIMITS.max_speed / LIMITS.max_acceleration
    assert CommandGate(config, turns=True).time_to_rest() == 2.0
