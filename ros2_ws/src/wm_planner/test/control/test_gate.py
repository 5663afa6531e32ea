"""The command gate: whatever is wanted, no command violates a limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wm_planner.config import LimitsConfig
from wm_planner.control import CommandGate, LimitViolation
from wm_planner.control.gate import Sent

BOX = LimitsConfig(workspace_min=[0.0, -1.0, 0.0], workspace_max=[1.0, 1.0, 1.0])
JOINTS = LimitsConfig(joint_names=["a", "b", "c"], joint_min=[-1.0] * 3, joint_max=[1.0] * 3)
CENTER = np.array([0.5, 0.0, 0.5])
REST = Sent(CENTER, np.zeros(3))
positions = st.tuples(*[st.floats(-2, 2)] * 3).map(np.array)


@given(start=positions, targets=st.lists(st.tuples(positions, st.floats(0.005, 0.04)), max_size=40))
@pytest.mark.parametrize("joints", [False, True])
def test_clamped_commands_keep_to_box_speed_and_acceleration(
    joints: bool, start: np.ndarray, targets: list[tuple[np.ndarray, float]]
) -> None:
    gate = CommandGate(JOINTS, ["a", "b", "c"]) if joints else CommandGate(BOX)
    limits = gate.limits
    sent = Sent(limits.into(start), np.zeros(3))
    for wanted, dt in targets:
        before, sent = sent, gate.check(wanted, previous=sent, measured=sent.position, dt=dt)
        assert (sent.position >= limits.lower - 1e-6).all()
        assert (sent.position <= limits.upper + 1e-6).all()
        np.testing.assert_allclose((sent.position - before.position) / dt, sent.velocity, atol=1e-6)
        assert limits.size(sent.velocity) <= 1.0011 * limits.speed
        change = limits.size(sent.velocity - before.velocity)
        assert change <= 1.0011 * limits.acceleration * max(dt, (dt + before.dt) / 2) + 1e-9


@given(wanted=st.tuples(*[st.floats(-1e6, 1e6)] * 3).map(np.array))
def test_clamped_commands_keep_to_the_lead_of_an_arm_at_rest(wanted: np.ndarray) -> None:
    sent = CommandGate(BOX).check(wanted, previous=REST, measured=CENTER, dt=1e3)
    assert np.linalg.norm(sent.position - CENTER) <= BOX.max_lead + 1e-9


@pytest.mark.parametrize("policy", ["clamp", "refuse"])
@pytest.mark.parametrize("measured", [[0.0, 0.0, 0.3], [1e300, 0.0, 0.3]])
def test_an_arm_far_from_its_commanded_position_gets_no_command(
    policy: str, measured: list[float]
) -> None:
    gate = CommandGate(replace(BOX, policy=policy))
    with pytest.raises(LimitViolation, match="from its commanded position"):
        gate.check(CENTER, previous=REST, measured=np.array(measured), dt=0.02)
    assert gate.counters.limits["tracking_error"] == 1


def test_a_command_within_every_limit_passes_unchanged() -> None:
    gate = CommandGate(BOX)
    wanted = CENTER + np.array([0.002, 0.0, 0.0])
    sent = gate.check(wanted, previous=REST, measured=CENTER, dt=0.02)
    np.testing.assert_array_equal(sent.position, wanted)
    assert (gate.counters.passed, gate.counters.clamped, gate.counters.refused) == (1, 0, 0)


@pytest.mark.parametrize("policy", ["clamp", "refuse"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_command_that_is_not_finite_is_always_refused(policy: str, bad: float) -> None:
    gate = CommandGate(replace(BOX, policy=policy))
    with pytest.raises(LimitViolation, match="not finite"):
        gate.check([0.5, bad, 0.5], previous=REST, measured=CENTER, dt=1.0)
    assert gate.counters.refused == gate.counters.limits["finite"] == 1


FAST = Sent(CENTER, np.array([0.49, 0.0, 0.0]), 0.02)
NEAR_THE_END = Sent(np.array([0.999, 0.0, 0.5]), np.array([0.1, 0.0, 0.0]), 0.02)
BROKEN = [
    ("box", [1.2, 0.0, 0.5], REST, CENTER, r"outside of limits\.workspace_min and _max"),
    (
        "lead",
        [0.5, 0.0, 0.5],
        REST,
        CENTER + np.array([0.15, 0.0, 0.0]),
        r"limits\.max_lead allows",
    ),
    ("speed", [0.52, 0.0, 0.5], FAST, CENTER, r"limits\.max_speed allows"),
    ("acceleration", [0.505, 0.0, 0.5], REST, CENTER, r"limits\.max_acceleration is"),
    ("box", [1.0, 0.0, 0.5038], NEAR_THE_END, NEAR_THE_END.position, "too fast to stop"),
]


@pytest.mark.parametrize(("limit", "wanted", "previous", "measured", "words"), BROKEN)
def test_under_the_policy_refuse_the_sentence_names_the_limit(
    limit: str, wanted: list[float], previous: Sent, measured: np.ndarray, words: str
) -> None:
    gate = CommandGate(replace(BOX, policy="refuse"))
    with pytest.raises(LimitViolation, match=words):
        gate.check(wanted, previous=previous, measured=measured, dt=0.02)
    assert gate.counters.limits == {limit: 1}


@pytest.mark.parametrize(("limit", "wanted", "previous", "measured", "words"), BROKEN)
def test_under_the_policy_clamp_each_limit_is_counted(
    limit: str, wanted: list[float], previous: Sent, measured: np.ndarray, words: str
) -> None:
    gate = CommandGate(BOX)
    gate.check(wanted, previous=previous, measured=measured, dt=0.02)
    assert (gate.counters.clamped, gate.counters.limits) == (1, {limit: 1})


def test_an_arm_slightly_outside_the_box_is_brought_in_and_not_further_out() -> None:
    gate = CommandGate(BOX)
    sent = Sent(np.array([1.005, 0.0, 0.5]), np.zeros(3))
    for _ in range(20):
        sent = gate.check([1.5, 0.0, 0.5], previous=sent, measured=sent.position, dt=0.02)
        assert sent.position[0] <= 1.005
    np.testing.assert_allclose(sent.position, [1.0, 0.0, 0.5], atol=1e-3)
