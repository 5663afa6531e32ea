"""The closed loop: one goal at a time, stops before reports, sub-goals in order."""

from __future__ import annotations

import numpy as np
import pytest
from loop_rig import OBSERVATIONS, POSE, LoopRig

from wm_planner.config import Config
from wm_planner.control import ErrorCode, Refused, Status
from wm_planner.models import ModelSpec
from wm_planner.types import Goal, Pose
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
    assert rig.link.goals[-1] == SetGoal(new, Goal(OBSERVATIONS[1]))
    rig.step(0.5)
    assert rig.events[-1] == "command"


def test_a_plan_for_the_previous_goal_is_ignored(rig: LoopRig) -> None:
    old = rig.begin(OBSERVATIONS[0])
    rig.begin(OBSERVATIONS[1])
    count = len(rig.events)
    plan = Planned(old, rig.now, np.zeros((5, 3)), 0.0, [1.0], "done", True, 0.05)
    rig.loop.on_planned(plan, rig.now, rig.steady)
    assert len(rig.events) == count


def test_sub_goals_are_pursued_in_order(rig: LoopRig) -> None:
    goal = rig.begin(*OBSERVATIONS)
    for distance in (0.5, 0.01, 0.5, 0.01, 0.01, 0.01):
        rig.step(distance, move=0.003)
    assert [g.goal.observation for g in rig.link.goals] == OBSERVATIONS
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
    rig.step(0.5, actions=0.05)
    rig.run(0.06, rig.pose)
    goal = rig.begin(OBSERVATIONS[0])
    rig.now += 0.01
    rig.command()
    rig.now -= 5.0
    rig.command()
    assert rig.events[-1] == (goal, ErrorCode.CLOCK_JUMPED)


def test_after_a_stop_no_goal_begins_until_the_release(rig: LoopRig) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.step(0.5, actions=0.0)
    rig.loop.stop(rig.now, "/button asked for it")
    assert rig.events[-2:] == ["stop", (goal, ErrorCode.STOPPED)]
    with pytest.raises(Refused, match=r"/button asked for it .*~/release") as caught:
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


def _turn(degrees: float) -> np.ndarray:
    """Return POSE's orientation, a half turn about x, turned further."""
    half = np.radians(180 + degrees) / 2
    return np.array([np.sin(half), 0.0, 0.0, np.cos(half)])


def test_a_goal_waits_for_a_pose_that_the_next_one_confirms(rig: LoopRig) -> None:
    true, rig.position = rig.position, rig.position + 0.4
    rig.wait(0.02)
    rig.pose()
    rig.begin(OBSERVATIONS[0])
    assert not rig.loop.commander.started, "the last pose jumped"
    rig.position = true
    rig.run(0.1, rig.pose)
    assert not rig.loop.commander.started
    rig.run(0.2, rig.pose)
    np.testing.assert_array_equal(rig.loop.commander.commanded_point[:3], true)


def test_a_goal_whose_poses_keep_jumping_ends_and_names_the_jump(rig: LoopRig) -> None:
    places = [rig.position, rig.position + 0.4]
    for i in range(10):
        rig.wait(0.02)
        rig.position = places[i % 2]
        rig.pose()
    goal = rig.begin(OBSERVATIONS[0])
    for i in range(60):
        rig.wait(0.02)
        rig.position = places[i % 2]
        rig.pose()
        rig.loop.watch(rig.now, rig.steady, rig.steady)
    assert rig.events == [(goal, ErrorCode.NO_POSE)]
    assert rig.outcome
    assert "current_pose jumps by" in rig.outcome.message


def test_a_single_wrong_pose_changes_no_command(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose)
    rig.step(0.5)
    rig.run(0.1, rig.observe, rig.pose)
    for position, orientation in ((POSE.position + 1.0, POSE.orientation), (None, _turn(90.0))):
        rig.wait(0.02)
        wrong = POSE.position if position is None else position
        rig.loop.on_pose(Pose(wrong, orientation, rig.steady, rig.now), rig.now)
        rig.command()
        rig.run(0.06, rig.observe, rig.pose)
    assert rig.loop.session
    assert rig.loop.holding.count == 0


@pytest.mark.parametrize(("degrees", "ends"), [(20.0, False), (-40.0, True)])
def test_an_orientation_far_from_the_commanded_one_ends_the_goal(
    rig: LoopRig, degrees: float, ends: bool
) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose)
    rig.step(0.5)
    for angle in np.linspace(0.0, degrees, 30):
        rig.orientation = _turn(angle)
        rig.run(0.02, rig.observe, rig.pose)
    assert ((goal, ErrorCode.LIMIT_VIOLATION) in rig.events) == ends
    if ends:
        assert rig.outcome
        assert "limits.max_angular_lead" in rig.outcome.message


def test_the_goal_s_image_without_motion_never_reaches_the_goal(rig: LoopRig) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.step(0.9)
    for _ in range(3):
        rig.step(0.01)
    assert rig.loop.session
    assert rig.events[-2:] == [("hold", ErrorCode.IMPLAUSIBLE), "command"]
    assert not rig.loop.commander.moving
    rig.step(0.9)
    assert rig.events[-2] == ("step", 0), "the camera is back, and the arm goes on"
    while rig.loop.session:
        rig.step(0.01)
    assert (goal, ErrorCode.IMPLAUSIBLE) in rig.events
    assert rig.outcome
    assert "was 0.900" in rig.outcome.message


def test_with_masks_it_is_the_whole_image_that_must_fit_the_motion(rig: LoopRig) -> None:
    weights = np.ones((1, 2, 2), np.float32)
    rig.begin(OBSERVATIONS[0], weights=weights)
    assert rig.link.goals[-1].goal.weights is weights
    for distance in (0.9, 0.2):
        rig.step(distance, whole=0.9)
        assert rig.events[-2] == ("step", 0), "what counts moved, but not the arm"
    rig.step(0.2, whole=0.1)
    assert rig.events[-2:] == [("hold", ErrorCode.IMPLAUSIBLE), "command"]


def test_the_check_of_motion_can_be_disabled(rig: LoopRig) -> None:
    config = Config()
    config.limits.workspace_min, config.limits.workspace_max = [0.0, -1.0, 0.0], [1.0, 1.0, 1.0]
    config.session.motion_check = False
    rig.loop.apply(config)
    goal = rig.begin(OBSERVATIONS[0])
    for distance in (0.9, 0.01, 0.01):
        rig.step(distance)
    assert (goal, ErrorCode.NONE) in rig.events


def test_a_plan_from_the_measured_pose_begins_where_the_arm_was_at_its_image(
    spec: ModelSpec,
) -> None:
    assert spec.action.command
    spec.action.command.reference = "measured"
    rig = LoopRig(spec)
    rig.begin(OBSERVATIONS[0])
    rig.run(0.1, rig.pose)
    rig.request_plan()
    then = rig.position
    for _ in range(5):
        rig.position = rig.position + 0.001
        rig.run(0.02, rig.pose)
    rig.answer_plan()
    start = rig.loop.commander.plan_start
    assert start is not None
    np.testing.assert_array_equal(start[:3], then)
