"""The command gate: whatever is wanted, no command violates a limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gate_parts import CENTER, HOME, LIMITS, PARTS, pose
from hypothesis import given
from hypothesis import strategies as st

from wm_planner.control import CommandGate, LimitViolation
from wm_planner.control.part_gate import Sent
from wm_planner.types import Pose

REST = Sent(HOME, np.zeros(6))
numbers = st.tuples(*[st.floats(-2, 2)] * 3).map(np.array)
steps = st.lists(st.tuples(numbers, st.floats(0.005, 0.04)), max_size=40)


@given(start=numbers, targets=steps)
@pytest.mark.parametrize("name", PARTS)
def test_clamped_commands_keep_to_region_speed_and_acceleration(
    name: str, start: np.ndarray, targets: list[tuple[np.ndarray, float]]
) -> None:
    part = PARTS[name]
    gate, limits = part.gate, part.gate.limits
    sent = Sent(limits.into(part.draw(start)), np.zeros(3))
    for wanted, dt in targets:
        before = sent
        sent, _ = gate.nearest(part.draw(wanted), before, before.point, dt)
        assert part.inside(sent.point)
        moved = limits.between(before.point, sent.point)
        np.testing.assert_allclose(moved / dt, sent.velocity, atol=1e-6)
        assert limits.size(sent.velocity) <= 1.0011 * limits.speed
        change = limits.size(sent.velocity - before.velocity)
        assert change <= 1.0011 * limits.acceleration * max(dt, (dt + before.dt) / 2) + 1e-9


@given(start=numbers, targets=steps)
@pytest.mark.parametrize("name", PARTS)
def test_from_any_command_the_arm_can_brake_without_leaving_the_region(
    name: str, start: np.ndarray, targets: list[tuple[np.ndarray, float]]
) -> None:
    part = PARTS[name]
    gate, limits = part.gate, part.gate.limits
    sent = Sent(limits.into(part.draw(start)), np.zeros(3))
    for wanted, dt in targets:
        sent, _ = gate.nearest(part.draw(wanted), sent, None, dt)
    at, velocity, dt = sent.point, sent.velocity, 0.02
    while velocity.any():
        velocity = velocity - limits.within(velocity, np.zeros(3), limits.acceleration * dt)
        at = limits.moved(at, velocity * dt)
        assert part.inside(at)


@given(wanted=st.tuples(*[st.floats(-1e6, 1e6)] * 3).map(np.array), turn=numbers)
def test_clamped_commands_keep_to_the_leads_of_an_arm_at_rest(
    wanted: np.ndarray, turn: np.ndarray
) -> None:
    gate = CommandGate(LIMITS, turns=True)
    sent = gate.check(pose(wanted, turn), previous=REST, measured=HOME, dt=1e3)
    move = gate.space.between(HOME, sent.point)
    assert np.linalg.norm(move[:3]) <= LIMITS.max_lead + 1e-9
    assert np.linalg.norm(move[3:]) <= LIMITS.max_angular_lead + 1e-9


@pytest.mark.parametrize("policy", ["clamp", "refuse"])
@pytest.mark.parametrize(
    ("measured", "words", "limit"),
    [
        (
            pose([0.0, 0.0, 0.3]),
            r"0\.539 m from its commanded position.*max_lead",
            "tracking_error",
        ),
        (pose([1e300, 0.0, 0.3]), "from its commanded position", "tracking_error"),
        (
            pose(turn=[0.0, 0.6, 0.0]),
            r"0\.600 rad from its commanded orientation.*max_angular_lead",
            "angular_tracking_error",
        ),
    ],
)
def test_an_arm_far_from_its_commanded_pose_gets_no_command(
    policy: str, measured: np.ndarray, words: str, limit: str
) -> None:
    gate = CommandGate(replace(LIMITS, policy=policy))
    with pytest.raises(LimitViolation, match=words):
        gate.check(HOME, previous=REST, measured=measured, dt=0.02)
    assert gate.counters.limits == {limit: 1}


def test_a_hand_that_does_not_turn_keeps_its_orientation_up_to_twice_the_lead() -> None:
    measured = pose(turn=[0.0, 1.9 * LIMITS.max_angular_lead, 0.0])
    for turns in (False, True):
        sent = CommandGate(LIMITS, turns=turns).check(
            HOME, previous=REST, measured=measured, dt=1.0
        )
        assert np.array_equal(sent.point, HOME) == (not turns)


def test_without_a_lead_the_measured_orientation_may_be_anything() -> None:
    gate = CommandGate(replace(LIMITS, max_angular_lead=0.0))
    sent = gate.check(HOME, previous=REST, measured=pose(turn=[0.0, 3.0, 0.0]), dt=0.02)
    np.testing.assert_array_equal(sent.point, HOME)


def test_a_command_within_every_limit_passes_unchanged() -> None:
    gate = CommandGate(LIMITS)
    wanted = pose(CENTER + np.array([0.002, 0.0, 0.0]), [0.0, 0.002, 0.0])
    sent = gate.check(wanted, previous=REST, measured=HOME, dt=0.02)
    np.testing.assert_array_equal(sent.point, wanted)
    assert (gate.counters.passed, gate.counters.clamped, gate.counters.refused) == (1, 0, 0)


def test_the_quaternion_keeps_its_sign() -> None:
    gate = CommandGate(LIMITS)
    wanted = pose(turn=[0.0, 0.002, 0.0])
    flipped = np.concatenate([wanted[:3], -wanted[3:]])
    sent = gate.check(flipped, previous=REST, measured=-HOME + 2 * pose(), dt=0.02)
    np.testing.assert_allclose(sent.point, wanted, atol=1e-12)
    assert gate.counters.passed == 1


@pytest.mark.parametrize("policy", ["clamp", "refuse"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("index", [1, 4])
def test_a_command_that_is_not_finite_is_always_refused(
    policy: str, bad: float, index: int
) -> None:
    gate = CommandGate(replace(LIMITS, policy=policy))
    wanted = HOME.copy()
    wanted[index] = bad
    for measured in (HOME, None):
        with pytest.raises(LimitViolation, match="not finite"):
            gate.check(wanted, previous=REST, measured=measured, dt=1.0)
    assert gate.counters.refused == 2


ALONG = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
ABOUT_Y = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 0.0])
ABOUT_Z = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
FAST = Sent(HOME, 0.49 * ALONG, 0.02)
NEAR_THE_END = Sent(pose([0.999, 0.0, 0.5]), 0.1 * ALONG, 0.02)
SPINNING = Sent(HOME, 0.99 * ABOUT_Y, 0.02)
NEAR_THE_RIM = Sent(pose(turn=[0.0, 0.599, 0.0]), 0.15 * ABOUT_Y, 0.02)
BROKEN = [
    ("box", pose([1.2, 0.0, 0.5]), REST, HOME, r"outside of limits\.workspace_min and _max"),
    ("lead", HOME, REST, pose([0.65, 0.0, 0.5]), r"limits\.max_lead allows"),
    ("speed", pose([0.52, 0.0, 0.5]), FAST, HOME, r"limits\.max_speed allows"),
    ("acceleration", pose([0.505, 0.0, 0.5]), REST, HOME, r"limits\.max_acceleration is"),
    ("box", pose([1.0, 0.0, 0.5038]), NEAR_THE_END, NEAR_THE_END.point, "too fast to stop"),
    ("cone", pose(turn=[0.0, 0.7, 0.0]), REST, HOME, r"tilts the hand by 0\.70 .*max_tilt"),
    ("cone", pose(turn=[0.0, 0.0, 1.3]), REST, HOME, r"twists the hand by -1\.30 .*max_twist"),
    (
        "angular_lead",
        HOME,
        REST,
        pose(turn=[0.0, 0.3, 0.0]),
        r"orientation .*limits\.max_angular_lead allows",
    ),
    (
        "angular_speed",
        pose(turn=[0.0, 0.03, 0.0]),
        SPINNING,
        HOME,
        r"1\.500 rad/s; limits\.max_angular_speed",
    ),
    (
        "angular_acceleration",
        pose(turn=[0.0, 0.01, 0.0]),
        REST,
        HOME,
        r"limits\.max_angular_acceleration is",
    ),
    (
        "cone",
        pose(turn=[0.0, 0.5999, 0.0]),
        replace(NEAR_THE_RIM, velocity=0.2 * ABOUT_Y),
        NEAR_THE_RIM.point,
        "too fast to stop inside limits.orientation",
    ),
]


@pytest.mark.parametrize(("limit", "wanted", "previous", "measured", "words"), BROKEN)
def test_under_the_policy_refuse_the_sentence_names_the_limit(
    limit: str, wanted: np.ndarray, previous: Sent, measured: np.ndarray, words: str
) -> None:
    gate = CommandGate(replace(LIMITS, policy="refuse"), turns=True)
    with pytest.raises(LimitViolation, match=words):
        gate.check(wanted, previous=previous, measured=measured, dt=0.02)
    assert gate.counters.limits == {limit: 1}


@pytest.mark.parametrize(("limit", "wanted", "previous", "measured", "words"), BROKEN)
def test_under_the_policy_clamp_each_limit_is_counted(
    limit: str, wanted: np.ndarray, previous: Sent, measured: np.ndarray, words: str
) -> None:
    gate = CommandGate(LIMITS, turns=True)
    gate.check(wanted, previous=previous, measured=measured, dt=0.02)
    assert (gate.counters.clamped, gate.counters.limits) == (1, {limit: 1})


def test_an_arm_slightly_outside_the_box_is_brought_in_and_not_further_out() -> None:
    gate = CommandGate(LIMITS)
    sent = Sent(pose([1.005, 0.0, 0.5]), np.zeros(6))
    for _ in range(20):
        wanted = pose([1.5, 0.0, 0.5])
        sent = gate.check(wanted, previous=sent, measured=sent.point, dt=0.02)
        assert sent.point[0] <= 1.005
    np.testing.assert_allclose(sent.point[:3], [1.0, 0.0, 0.5], atol=1e-3)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (
            pose([1.03, 0.0, 0.5]),
            r"position.*limits\.workspace_min.*0\.0300 m too far.*allows 0\.02",
        ),
        (pose(turn=[0.0, 0.63, 0.0]), r"limits\.max_tilt.*0\.0300 rad too far"),
        (pose([1.01, 0.0, 0.5], [0.0, 0.61, 0.0]), ""),
    ],
)
def test_a_goal_may_start_outside_by_the_margin_only(at: np.ndarray, words: str) -> None:
    gate = CommandGate(replace(LIMITS, start_margin=0.02))
    why = gate.why_outside(Pose(at[:3], at[3:], 0.0))
    assert bool(why) == bool(words)
    if words:
        with pytest.raises(AssertionError, match=words):
            raise AssertionError(why)
