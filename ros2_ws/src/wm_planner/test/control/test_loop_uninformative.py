"""The arm does not follow plans that learned nothing: it holds, and goes on with the next one."""

from __future__ import annotations

import numpy as np
import pytest
from loop_rig import OBSERVATIONS, LoopRig

from wm_planner.control import ErrorCode
from wm_planner.models import ModelSpec

HELD = ("hold", ErrorCode.UNINFORMATIVE)


@pytest.fixture
def rig(spec: ModelSpec) -> LoopRig:
    rig = LoopRig(spec)
    rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose)
    return rig


def _plan(rig: LoopRig, *, learned: bool = True, distance: float = 0.5) -> None:
    rig.request_plan()
    rig.answer_plan(distance, actions=0.02, learned=learned)


def test_the_first_plan_that_learned_nothing_moves_nothing(rig: LoopRig) -> None:
    for _ in range(3):
        _plan(rig, learned=False)
        rig.run(0.1, rig.observe, rig.pose)
    assert rig.events.count(HELD) == 3
    assert ("step", 0) not in rig.events
    places = np.array([command.position for command in rig.commands])
    np.testing.assert_array_equal(places, np.broadcast_to(rig.position, places.shape))


def test_a_moving_arm_comes_to_rest_and_goes_on_with_a_plan_that_learned(rig: LoopRig) -> None:
    _plan(rig)
    rig.run(0.1, rig.observe, rig.pose)
    assert rig.loop.commander.moving
    _plan(rig, learned=False)
    assert rig.events[-2:] == ["command", HELD], "at once"
    assert rig.loop.waiting
    rig.run(0.14, rig.observe, rig.pose)
    assert not rig.loop.commander.moving
    speeds = np.linalg.norm([command.velocity for command in rig.commands], axis=1)
    assert np.diff(speeds[-8:]).max() <= 1e-9, "it only slows down"
    assert rig.loop.holding.count == 0, "nothing is overdue"
    _plan(rig)
    rig.run(0.06, rig.observe, rig.pose)
    assert rig.loop.commander.moving
    assert rig.events.count(("step", 0)) == 2
    assert rig.loop.waiting is None


def test_a_goal_that_waits_too_long_ends_as_stalled(rig: LoopRig) -> None:
    for _ in range(200):
        _plan(rig, learned=False)
        rig.run(0.06, rig.observe, rig.pose, rig.watch)
        if rig.outcome:
            break
    assert rig.outcome
    assert rig.outcome.code is ErrorCode.STALLED
    assert "nothing distinguishes the candidates" in rig.outcome.message
    assert rig.loop.waiting is None


def test_the_operator_who_stops_the_arm_also_stops_the_time_without_progress(rig: LoopRig) -> None:
    rig.loop.commander.time_scale.override = 0.0
    for _ in range(200):
        _plan(rig, learned=False)
        rig.run(0.08, rig.observe, rig.pose, rig.watch)
    assert rig.outcome is None


def test_a_goal_that_is_near_is_reached_without_learning(rig: LoopRig) -> None:
    while rig.loop.session:
        _plan(rig, learned=False, distance=0.01)
        rig.run(0.06, rig.observe, rig.pose)
    assert rig.outcome
    assert rig.outcome.reached


def test_a_sub_goal_that_is_near_is_passed_without_learning(rig: LoopRig) -> None:
    rig.begin(*OBSERVATIONS[:2])
    _plan(rig, learned=False, distance=0.01)
    assert rig.link.goals[-1].goal.observation is OBSERVATIONS[1]
    rig.wait(0.02)
    _plan(rig)
    assert rig.events[-1] == ("step", 1)


def test_what_is_overdue_is_said_first(rig: LoopRig) -> None:
    rig.request_plan()
    rig.answer_plan(actions=0.0)
    rig.run(0.1, rig.observe, rig.pose)
    rig.request_plan()
    rig.run(0.3, rig.pose)
    assert rig.loop.holding.reason
    rig.answer_plan(learned=False)
    assert HELD not in rig.events
    assert rig.loop.waiting is rig.loop.holding.reason
    rig.run(0.06, rig.observe, rig.pose)
    assert rig.loop.waiting
    assert rig.loop.waiting.code is ErrorCode.UNINFORMATIVE


def test_a_lost_worker_is_said_first(rig: LoopRig) -> None:
    _plan(rig, learned=False)
    assert rig.loop.waiting
    rig.link.ready = None
    assert rig.loop.waiting is None
