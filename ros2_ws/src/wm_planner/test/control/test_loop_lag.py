"""A goal of an arm that follows its commands late begins and ends where the arm rests."""

from __future__ import annotations

import numpy as np
import pytest
from loop_rig import OBSERVATIONS, LoopRig

from wm_planner.config import CommandsConfig, Config, SessionConfig
from wm_planner.control import ErrorCode
from wm_planner.control.goal_session import PASSING
from wm_planner.models import ModelSpec

LAG = 0.2  # [s]
NEAR = 1e-3  # a distance below every tolerance


def make_rig(spec: ModelSpec, lag: float = LAG) -> LoopRig:
    session = SessionConfig(tolerance_images=1, motion_check=False)
    return LoopRig(spec, Config(commands=CommandsConfig(lag=lag), session=session))


def drive(rig: LoopRig, seconds: float = 0.2) -> None:
    """Let the arm follow its commands."""

    def follow() -> None:
        if rig.commands:
            rig.position = rig.commands[-1].position
        rig.pose()

    rig.run(seconds, follow, rig.observe_change)


def pass_by(rig: LoopRig) -> None:
    """Show an image of the goal while the arm goes on."""
    drive(rig)
    rig.step(NEAR, actions=0.03)


@pytest.mark.parametrize("sub_goals", [0, 1])
def test_a_goal_is_not_reached_while_the_arm_is_led_on(spec: ModelSpec, sub_goals: int) -> None:
    rig = make_rig(spec)
    rig.begin(*OBSERVATIONS[: sub_goals + 1])
    if sub_goals:  # it may be passed at any speed
        rig.step(0.5, actions=0.03)
        pass_by(rig)
        assert rig.loop.session
        assert rig.loop.session.index == 1
    rig.step(0.5, actions=0.03)
    pass_by(rig)
    assert rig.loop.commander.moving
    assert rig.outcome is None
    rig.step(0.5, actions=0.0)
    drive(rig, 1.0)
    rig.step(NEAR, actions=0.0)
    assert rig.outcome
    assert rig.outcome.code is ErrorCode.NONE


def test_a_goal_that_stays_near_is_reached_though_the_arm_never_rests(spec: ModelSpec) -> None:
    rig = make_rig(spec)
    rig.begin(OBSERVATIONS[0])
    rig.step(0.5, actions=0.03)
    for _ in range(PASSING):
        pass_by(rig)
        assert rig.outcome is None
    pass_by(rig)
    assert rig.outcome
    assert rig.outcome.code is ErrorCode.NONE


def test_a_goal_after_another_begins_when_the_arm_has_arrived(spec: ModelSpec) -> None:
    rig = make_rig(spec)
    rig.begin(OBSERVATIONS[0])
    rig.step(0.5, actions=0.03)
    rig.run(0.3, rig.pose)
    rig.loop.stop(rig.now, "a test")
    while rig.loop.commander.slowing:
        rig.run(0.02, rig.pose)
    rest = rig.commands[-1].position
    rig.loop.release()
    rig.begin(OBSERVATIONS[0])
    rig.run(LAG - 0.04, rig.pose)
    assert not rig.loop.commander.started, "the arm still follows"
    rig.position = rest
    rig.run(0.1, rig.pose)
    assert rig.loop.commander.started
    np.testing.assert_array_equal(rig.loop.commander.commanded_point[:3], rest)


def test_without_a_lag_a_goal_begins_at_once(spec: ModelSpec) -> None:
    rig = make_rig(spec, lag=0.0)
    rig.begin(OBSERVATIONS[0])
    assert rig.loop.commander.started


def test_shadow_mode_shows_the_planned_velocity(spec: ModelSpec) -> None:
    shown = []
    for lag in (0.0, LAG):
        commands = CommandsConfig(shadow=True, type="twist_stamped", lag=lag)
        rig = LoopRig(spec, Config(commands=commands))
        rig.begin(OBSERVATIONS[0])
        rig.step(0.5, actions=0.03)
        rig.run(0.3, rig.pose, rig.observe_change)
        shown.append(rig.commands[-1].velocity)
    assert np.linalg.norm(shown[0]) > 0.05
    np.testing.assert_array_equal(*shown)


def test_in_shadow_mode_whoever_moves_the_arm_reaches_the_goal(spec: ModelSpec) -> None:
    session = SessionConfig(tolerance_images=1, motion_check=False)
    rig = LoopRig(spec, Config(commands=CommandsConfig(shadow=True), session=session))
    rig.begin(OBSERVATIONS[0])
    rig.step(0.5, actions=0.03)
    rig.request_plan()
    rig.run(0.3, rig.pose, rig.observe_change)
    rig.answer_plan(NEAR, actions=0.03)
    assert rig.outcome
    assert rig.outcome.code is ErrorCode.NONE
