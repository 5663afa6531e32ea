"""The closed loop: one goal at a time, stops before reports, sub-goals in order."""

from __future__ import annotations

import numpy as np
import pytest
from loop_rig import OBSERVATIONS, POSE, LoopRig

from wm_planner.config import Config
from wm_planner.control import ErrorCode, Refused, Status
from wm_planner.models import ModelSpec
from wm_planner.types import Pose
from wm_planner.worker import Failed, Planned, SetGoal


@pytest.fixture
def rig(spec: ModelSpec) -> LoopRig:
    return LoopRig(spec)


def test_the_arm_is_stopped_before_the_end_is_reported(rig: LoopRig) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.step(0.5, actions=0.0)
    rig.loop.end(Status(ErrorCode.CANCELED, "canceled"), rig.now)
    assert rig.events[-2:] == ["stop", (goal, ErrorCode.CANCELED)]


def test_the_newest_goal_preempts(rig: LoopRig) -> None:
    old = rig.begin(OBSERVATIONS[0])
    rig.step(0.5)
    new = rig.begin(OBSERVATIONS[1])
    assert (old, ErrorCode.PREEMPTED) in rig.events
    assert rig.link.goals[-1] == SetGoal(new, OBSERVATIONS[1])
    rig.step(0.5)
    assert rig.events[-1] == "command"


def test_a_plan_for_the_previous_goal_is_ignored(rig: LoopRig) -> None:
    old = rig.begin(OBSERVATIONS[0])
    rig.begin(OBSERVATIONS[1])
    count = len(rig.events)
    plan = Planned(old, rig.now, np.zeros((5, 3)), 0.0, [1.0], "done", 0.05)
    rig.loop.on_planned(plan, rig.now, rig.steady)
    assert len(rig.events) == count


def test_sub_goals_are_pursued_in_order(rig: LoopRig) -> None:
    goal = rig.begin(*OBSERVATIONS)
    for distance in (0.5, 0.01, 0.5, 0.01, 0.01, 0.01):
        rig.step(distance)
    assert [g.goal for g in rig.link.goals] == OBSERVATIONS
    assert {g.goal_id for g in rig.link.goals} == {goal}
    steps = [event[1] for event in rig.events if event[0] == "step"]
    assert steps == [0, 0, 1, 1, 2, 2]
    assert (goal, ErrorCode.NONE) in rig.events


def test_a_plan_that_is_not_finite_moves_nothing(rig: LoopRig) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.step(0.5, actions=np.nan)
    assert rig.events == [(goal, ErrorCode.PLANNER_FAILED)]


def test_the_first_command_of_a_plan_is_sent_before_the_plan_is_reported(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.step(0.5)
    assert rig.events == ["command", ("step", 0), "command"]


def test_a_clock_that_stands_still_ends_the_goal(rig: LoopRig) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.step(0.5)
    for steady in np.arange(1.0, 3.0, 0.05):  # images and poses still arrive
        rig.loop.on_pose(Pose(POSE.position, POSE.orientation, steady), rig.now)
        rig.loop.watch(rig.now, steady, steady)
    assert rig.events[-1] == (goal, ErrorCode.CLOCK_JUMPED)
    assert "ROS time has stood still for" in rig.loop.clock.problem
    rig.loop.watch(rig.now + 0.1, 3.0, 3.0)
    assert rig.loop.clock.problem == ""


def test_the_timeout_of_a_goal_starts_with_ros_time(rig: LoopRig) -> None:
    rig.now = 0.0  # ROS time before the first /clock
    rig.begin(OBSERVATIONS[0])
    rig.command()
    rig.now = 1000.0
    rig.loop.watch(rig.now, rig.steady, rig.steady)
    assert rig.loop.session
    assert rig.loop.session.started == rig.now
    rig.pose()
    rig.step(0.5)
    assert rig.events[-1] == "command"


def test_a_clock_that_jumps_back_while_the_arm_moves_ends_a_goal_without_a_step(
    rig: LoopRig,
) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.step(0.5)
    goal = rig.begin(OBSERVATIONS[0])
    rig.now += 0.01
    rig.command()
    rig.now -= 5.0
    rig.command()
    assert rig.events[-1] == (goal, ErrorCode.CLOCK_JUMPED)


def test_after_a_stop_no_goal_begins_until_the_release(rig: LoopRig) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.step(0.5, actions=0.0)
    rig.loop.stop(rig.now)
    assert rig.events[-2:] == ["stop", (goal, ErrorCode.STOPPED)]
    with pytest.raises(Refused, match="~/release") as caught:
        rig.begin(OBSERVATIONS[1])
    assert caught.value.status.code is ErrorCode.STOPPED
    rig.loop.release()
    assert rig.begin(OBSERVATIONS[1]) == goal + 1


def test_without_a_worker_no_goal_begins(rig: LoopRig) -> None:
    rig.link.ready = None
    with pytest.raises(Refused, match="the worker is gone") as caught:
        rig.begin(OBSERVATIONS[0])
    assert caught.value.status.code is ErrorCode.WORKER_LOST


def test_a_worker_that_is_restarted_holds_the_arm_and_keeps_the_goal(rig: LoopRig) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.step(0.5)
    before = len(rig.events)
    rig.loop.on_failed(Failed(-1, "killed", lost=True, restarting=True), rig.now)
    assert rig.events[before:] == ["command", ("hold", ErrorCode.WORKER_LOST)], "at once"
    assert rig.loop.session
    rig.loop.on_failed(Failed(-1, "killed again", lost=True), rig.now)
    assert rig.events[-1] == (goal, ErrorCode.WORKER_LOST)


def test_changed_settings_apply_to_the_next_goal(rig: LoopRig) -> None:
    config = Config()
    config.limits.workspace_min, config.limits.workspace_max = [0.0, -1.0, 0.0], [0.4, 1.0, 1.0]
    config.session.timeout = 1.0
    rig.loop.apply(config)
    with pytest.raises(Refused, match="outside") as caught:
        rig.begin(OBSERVATIONS[0])
    assert caught.value.status.code is ErrorCode.LIMIT_VIOLATION
    config.limits.workspace_max = [1.0, 1.0, 1.0]
    rig.loop.apply(config)
    rig.begin(OBSERVATIONS[0])
    assert rig.loop.session
    assert rig.loop.session.timeout == 1.0


def test_a_plan_that_arrives_with_the_first_ros_time_is_dropped(rig: LoopRig) -> None:
    rig.now = 0.0  # as ROS time is without /clock
    rig.begin(OBSERVATIONS[0])
    rig.request_plan()
    rig.now = 1000.0
    rig.answer_plan()
    assert rig.events == []
    assert rig.loop.session
    rig.pose()
    rig.step(0.5)
    assert rig.events[-1] == "command"
