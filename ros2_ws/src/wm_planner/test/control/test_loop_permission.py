"""The loop asks before every command whether the arm may move."""

from __future__ import annotations

import pytest
from loop_rig import OBSERVATIONS, LoopRig

from wm_planner.config import Config, SafetyConfig
from wm_planner.control import ErrorCode
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
