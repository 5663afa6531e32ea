"""The gate: whatever is asked for, what passes is inside every limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wm_planner.config import LimitsConfig
from wm_planner.control import CommandGate, LimitsError, LimitViolation

BOX = LimitsConfig(workspace_min=[0.0, -1.0, 0.0], workspace_max=[1.0, 1.0, 1.0])
CENTRE = np.array([0.5, 0.0, 0.5])
inside = st.tuples(*[st.floats(0.1, 0.9)] * 3).map(np.array)
anywhere = st.tuples(*[st.floats(-1e6, 1e6)] * 3).map(np.array)


@given(wanted=anywhere, previous=inside, measured=inside, dt=st.floats(0, 1))
def test_clamped_commands_keep_to_the_box_whatever_is_wanted(
    wanted: np.ndarray, previous: np.ndarray, measured: np.ndarray, dt: float
) -> None:
    measured = previous + 0.19 * (measured - 0.5)  # not astray
    sent = CommandGate(BOX).check(wanted, previous=previous, measured=measured, dt=dt)
    assert (sent >= np.array(BOX.workspace_min) - 1e-9).all()
    assert (sent <= np.array(BOX.workspace_max) + 1e-9).all()
    assert np.linalg.norm(sent - previous) <= 1.001 * BOX.max_speed * dt + 2e-6


@given(wanted=anywhere, measured=inside)
def test_clamped_commands_keep_to_the_lead(wanted: np.ndarray, measured: np.ndarray) -> None:
    sent = CommandGate(BOX).check(wanted, previous=measured, measured=measured, dt=1e3)
    assert np.linalg.norm(sent - measured) <= BOX.max_lead + 1e-9


@pytest.mark.parametrize("policy", ["clamp", "refuse"])
@pytest.mark.parametrize("measured", [[0.0, 0.0, 0.3], [1e300, 0.0, 0.3]])
def test_an_arm_that_is_not_where_it_was_told_to_be_gets_no_command(
    policy: str, measured: list[float]
) -> None:
    gate = CommandGate(LimitsConfig(BOX.workspace_min, BOX.workspace_max, policy=policy))
    with pytest.raises(LimitViolation, match="from where it was told to be"):
        gate.check(CENTRE, previous=CENTRE, measured=np.array(measured), dt=0.02)


def test_a_command_within_every_limit_passes_unchanged() -> None:
    gate = CommandGate(BOX)
    wanted = CENTRE + np.array([0.005, 0.0, 0.0])
    np.testing.assert_array_equal(
        gate.check(wanted, previous=CENTRE, measured=CENTRE, dt=0.02), wanted
    )
    assert (gate.counters.passed, gate.counters.clamped, gate.counters.refused) == (1, 0, 0)


@pytest.mark.parametrize("policy", ["clamp", "refuse"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_command_that_is_not_finite_is_always_refused(policy: str, bad: float) -> None:
    config = LimitsConfig(BOX.workspace_min, BOX.workspace_max, policy=policy)
    gate = CommandGate(config)
    with pytest.raises(LimitViolation, match="not a finite position"):
        gate.check([0.5, bad, 0.5], previous=CENTRE, measured=CENTRE, dt=1.0)
    assert gate.counters.refused == 1


@pytest.mark.parametrize(
    ("wanted", "measured", "words"),
    [
        ([1.2, 0.0, 0.5], CENTRE, "outside the workspace"),
        ([0.6, 0.0, 0.5], CENTRE, "limits.max_speed allows"),
        ([0.5, 0.0, 0.5], CENTRE + np.array([0.15, 0.0, 0.0]), "limits.max_lead allows"),
    ],
)
def test_under_the_policy_refuse_the_sentence_names_the_limit(
    wanted: list[float], measured: np.ndarray, words: str
) -> None:
    gate = CommandGate(LimitsConfig(BOX.workspace_min, BOX.workspace_max, policy="refuse"))
    with pytest.raises(LimitViolation, match=words):
        gate.check(wanted, previous=CENTRE, measured=measured, dt=0.02)


@pytest.mark.parametrize(
    ("lower", "upper"),
    [([], []), ([0, 0, 0], []), ([0, 0, 1], [1, 1, 1]), ([0, 0, np.nan], [1, 1, 1])],
)
def test_a_box_that_is_missing_or_upside_down_is_refused(
    lower: list[float], upper: list[float]
) -> None:
    with pytest.raises(LimitsError, match=r"limits\.workspace_min"):
        CommandGate(LimitsConfig(workspace_min=lower, workspace_max=upper))
