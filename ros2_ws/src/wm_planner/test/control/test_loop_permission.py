"""The loop asks before every command whether the arm may move."""

from __future__ import annotations

import numpy as np
import pytest
from loop_rig import OBSERVATIONS, POSE, LoopRig

from wm_planner.config import CommandsConfig, Config, SafetyConfig
from wm_planner.control import ErrorCode, Refused, Status
from wm_planner.models import ModelSpec

HELD = ("hold", ErrorCode.NOT_ENABLED)


@pytest.fixture
def rig(spec: ModelSpec) -> LoopRig:
    return LoopRig(spec, Config(safety=SafetyConfig(enable_timeout=0.3)))


def _press(rig: LoopRig) -> None:
    rig.loop.permission.enabling.take(True, rig.steady)


def _plan(rig: LoopRig) -> None:
    rig.request_plan()
    rig.answer_plan(actions=0.004)


def test_nothing_is_sent_before_the_first_true(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    for _ in range(5):
        rig.run(0.1, rig.observe, rig.pose)
        _plan(rig)
    assert rig.events == [HELD]
    assert rig.loop.session
    assert rig.loop.session.steps == 5, "plans go on"
    rig.wait(0.02)
    _press(rig)
    _plan(rig)
    rig.run(0.1, rig.observe, rig.pose)
    assert rig.loop.commander.moving


def test_the_arm_holds_while_the_button_is_not_pressed_and_then_goes_on(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    _press(rig)
    _plan(rig)
    rig.run(0.2, rig.observe, rig.pose)
    assert rig.loop.commander.moving
    rig.run(0.4, rig.observe, rig.pose)
    assert rig.loop.holding.reason
    assert "has been silent for" in rig.loop.holding.reason.message
    assert not rig.loop.commander.moving
    _plan(rig)
    rig.run(0.1, rig.observe, rig.pose)
    assert not rig.loop.commander.moving, "a plan does not replace the button"
    _press(rig)
    _plan(rig)
    rig.run(0.1, rig.observe, rig.pose)
    assert rig.loop.commander.moving
    assert rig.events.count(HELD) == rig.loop.holding.count == 1
    rig.loop.permission.enabling.take(False, rig.steady)
    rig.command()
    assert rig.events.count(HELD) == 2, "a false needs no silence"


def test_a_plan_that_the_arm_holds_instead_of_following_is_not_reported(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    _press(rig)
    _plan(rig)
    rig.run(0.28, rig.observe, rig.pose)
    rig.request_plan()
    rig.wait(0.04)  # the button's time is over, which the loop notices with this plan
    rig.answer_plan(actions=0.004)
    assert HELD in rig.events
    assert ("step", 0) not in rig.events[rig.events.index(HELD) :]


def test_a_reason_that_changes_while_the_arm_holds_is_reported(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    _plan(rig)
    rig.run(0.3, rig.observe, rig.pose)
    rig.run(0.4, rig.pose)  # the image is overdue too
    _press(rig)
    rig.run(0.1, rig.pose)
    holds = [event for event in rig.events if event[0] == "hold"]
    assert holds == [HELD, ("hold", ErrorCode.NO_IMAGE)]


def test_a_goal_does_not_stall_but_times_out_while_it_is_not_enabled(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    for _ in range(70):
        rig.run(0.5, rig.observe, rig.pose)
        if rig.loop.session:
            _plan(rig)
        rig.loop.watch(rig.now, rig.steady, rig.steady)
    assert rig.outcome
    assert rig.outcome.code is ErrorCode.TIMED_OUT


def test_a_goal_that_replaces_one_needs_the_button_too(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    _press(rig)
    _plan(rig)
    rig.run(0.2, rig.observe, rig.pose)
    rig.run(0.4, rig.observe, rig.pose)
    rig.begin(OBSERVATIONS[1])
    _plan(rig)
    rig.run(0.1, rig.observe, rig.pose)
    assert rig.events.count(HELD) == 2
    assert not rig.loop.commander.moving


@pytest.mark.parametrize("kind", ["pose_stamped", "twist_stamped"])
@pytest.mark.parametrize("moved", [0.05, 0.15, 0.35])
def test_the_arm_starts_where_it_is_when_it_is_enabled(
    spec: ModelSpec, kind: str, moved: float
) -> None:
    commands, safety = CommandsConfig(type=kind), SafetyConfig(enable_timeout=0.3)
    rig = LoopRig(spec, Config(commands=commands, safety=safety))
    rig.begin(OBSERVATIONS[0])
    _plan(rig)
    turn = np.array([np.cos(0.3), 0.0, 0.0, np.sin(0.3)])
    for i in range(100):
        rig.position = POSE.position + np.array([(i + 1) / 100 * moved, 0.0, 0.0])  # by hand
        rig.run(0.02, rig.observe_change, rig.pose)
    rig.orientation = turn
    rig.run(0.3, rig.observe_change, rig.pose)
    assert rig.commands == []
    _press(rig)
    rig.command()
    np.testing.assert_allclose(rig.commands[0].position, rig.position, atol=1e-9)
    np.testing.assert_allclose(rig.commands[0].orientation, turn)
    assert not rig.commands[0].velocity.any()
    rig.run(0.02, rig.pose)
    _plan(rig)
    for _ in range(10):
        _press(rig)
        rig.run(0.02, rig.observe, rig.pose)
    assert rig.loop.commander.moving
    assert rig.outcome is None


def test_a_plan_from_before_the_arm_was_moved_is_not_followed(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.run(0.1, rig.observe, rig.pose)
    rig.request_plan()
    rig.position = POSE.position + np.array([0.05, 0.0, 0.0])
    rig.run(0.04, rig.pose)
    _press(rig)
    rig.answer_plan(actions=0.004)
    rig.run(0.02, rig.pose)
    assert rig.commands
    assert not rig.loop.commander.moving


def test_an_arm_that_is_moved_outside_while_it_waits_ends_the_goal(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    for i in range(100):
        rig.position = POSE.position - np.array([0.006 * i, 0.0, 0.0])
        rig.run(0.02, rig.pose)
    assert rig.outcome
    assert rig.outcome.code is ErrorCode.LIMIT_VIOLATION
    assert rig.commands == []


def test_what_enabled_an_earlier_goal_does_not_move_the_next(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    _press(rig)
    _plan(rig)
    rig.run(0.2, rig.observe, rig.pose)
    rig.loop.end(Status(ErrorCode.CANCELED, "canceled"), rig.now)
    rig.run(3.0, rig.pose)
    rig.commands.clear()
    rig.begin(OBSERVATIONS[1])
    _plan(rig)  # before the first command
    rig.run(1.0, rig.observe, rig.pose)
    assert rig.commands == []


def test_no_goal_begins_against_something(spec: ModelSpec) -> None:
    rig = LoopRig(spec, Config(safety=SafetyConfig(max_force=10.0)))
    rig.loop.permission.contact.take_wrench((11.0, 0.0, 0.0), (0.0,) * 3, rig.steady)
    with pytest.raises(Refused, match="the force on wrench is"):
        rig.begin(OBSERVATIONS[0])


def test_a_plan_is_not_followed_while_the_wrench_is_missing(spec: ModelSpec) -> None:
    rig = LoopRig(spec, Config(safety=SafetyConfig(max_force=10.0)))
    rig.loop.permission.contact.take_wrench((9.0, 0.0, 0.0), (0.0,) * 3, rig.steady)
    rig.begin(OBSERVATIONS[0])
    rig.run(0.6, rig.observe, rig.pose)
    _plan(rig)
    rig.run(0.1, rig.observe, rig.pose)
    assert not rig.loop.commander.moving, "before the watchdog has ended the goal"


def test_a_sensor_of_contact_that_falls_silent_ends_the_goal(spec: ModelSpec) -> None:
    rig = LoopRig(spec, Config(safety=SafetyConfig(max_force=10.0)))
    contact = rig.loop.permission.contact
    contact.take_wrench((9.0, 0.0, 0.0), (0.0,) * 3, rig.steady)
    rig.begin(OBSERVATIONS[0])
    _plan(rig)
    rig.run(0.4, rig.observe, rig.pose)
    rig.loop.watch(rig.now, rig.steady, rig.steady)
    assert rig.outcome is None
    rig.run(0.2, rig.observe, rig.pose)
    rig.loop.watch(rig.now, rig.steady, rig.steady)
    assert rig.outcome
    assert rig.outcome.code is ErrorCode.CONTACT
