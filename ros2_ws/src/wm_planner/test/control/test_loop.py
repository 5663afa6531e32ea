"""The closed loop: one goal at a time, stops before reports, sub-goals in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from wm_planner.camera_contract import CameraContract
from wm_planner.config import Config
from wm_planner.control import ControlLoop, ErrorCode, GoalSession, Refused, Status
from wm_planner.models import ModelSpec
from wm_planner.types import Command, Goal, Observation, Pose
from wm_planner.worker import Failed, Planned, PlanRequest, Ready, SetGoal

POSE = Pose(np.array([0.5, 0.0, 0.3]), np.array([1.0, 0.0, 0.0, 0.0]), steady=0.0)
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 96, 96, 3), dtype=np.uint8)
OBSERVATIONS = [Observation((image,)) for image in IMAGES]


class Link:
    """Records the requests to a worker; idle while a test asks for a plan."""

    def __init__(self) -> None:
        self.goals: list[SetGoal] = []
        self.ready: Ready | None = Ready("a link without a worker")
        self.problem = "the worker is gone"
        self.idle = False
        self.requests: list[PlanRequest] = []

    def set_goal(self, goal: SetGoal) -> None:
        self.goals.append(goal)

    def plan(self, request: PlanRequest) -> None:
        self.requests.append(request)


class Rig:
    """A loop that drives a resting arm, and what it did, in order."""

    def __init__(self, spec: ModelSpec) -> None:
        config = Config()
        config.limits.workspace_min, config.limits.workspace_max = [0.0, -1.0, 0.0], [1.0, 1.0, 1.0]
        self.link = Link()
        self.events: list[Any] = []
        link: Any = self.link
        contract = CameraContract(spec.views, spec.image, config.camera, joints=False)
        self.loop = ControlLoop(config, spec, link, contract, self)
        self.now, self.steady = 10.0, 0.0
        self.loop.on_pose(POSE, self.now)

    def on_command(self, command: Command) -> None:
        self.events.append("stop" if command.stop else "command")

    def on_step(self, session: GoalSession, plan: Planned) -> None:
        self.events.append(("step", session.index))

    def on_hold(self, status: Status) -> None:
        self.events.append(("hold", status.code))

    def on_end(self, goal_id: int, session: GoalSession, now: float) -> None:
        assert session.outcome
        self.events.append((goal_id, session.outcome.code))

    def begin(self, *observations: Observation) -> int:
        goals = [Goal(observation) for observation in observations]
        return self.loop.begin(goals, 0.0, self.now, self.steady)

    def step(self, distance: float, actions: float = 0.001) -> None:
        """Plan once, and send the command that follows."""
        self.wait(0.1)
        self.ask()
        self.answer(distance, actions)
        self.wait(0.02)
        self.command()

    def ask(self) -> None:
        self.link.idle, count = True, len(self.link.requests)
        self.see()
        self.link.idle = False
        assert len(self.link.requests) == count + 1

    def answer(self, distance: float = 0.5, actions: float = 0.001) -> None:
        goal, plan = self.loop.goal_id, np.full((5, 3), actions)
        stamp = self.link.requests[-1].observation.stamp
        planned = Planned(goal, stamp, plan, distance, [1.0], "done", 0.05)
        self.loop.on_planned(planned, self.now, self.steady)

    def command(self) -> None:
        self.loop.command(self.now, self.steady)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.steady += seconds

    def pose(self) -> None:
        self.loop.on_pose(Pose(POSE.position, POSE.orientation, self.steady), self.now)

    def see(self) -> None:
        seen = replace(OBSERVATIONS[0], stamp=self.now)
        self.loop.on_observation(seen, self.now, self.steady)

    def pass_time(self, seconds: float, *what: Callable[[], None]) -> None:
        """Let things happen 50 times a second, and send commands."""
        for _ in range(round(seconds * 50)):
            self.wait(0.02)
            for happens in what:
                happens()
            self.command()


@pytest.fixture
def rig(spec: ModelSpec) -> Rig:
    return Rig(spec)


def test_the_arm_is_stopped_before_the_end_is_reported(rig: Rig) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.step(0.5, actions=0.0)
    rig.loop.end(Status(ErrorCode.CANCELED, "canceled"), rig.now)
    assert rig.events[-2:] == ["stop", (goal, ErrorCode.CANCELED)]


def test_the_newest_goal_preempts(rig: Rig) -> None:
    old = rig.begin(OBSERVATIONS[0])
    rig.step(0.5)
    new = rig.begin(OBSERVATIONS[1])
    assert (old, ErrorCode.PREEMPTED) in rig.events
    assert rig.link.goals[-1] == SetGoal(new, OBSERVATIONS[1])
    rig.step(0.5)
    assert rig.events[-1] == "command"


def test_a_plan_for_the_goal_before_is_not_used(rig: Rig) -> None:
    old = rig.begin(OBSERVATIONS[0])
    rig.begin(OBSERVATIONS[1])
    count = len(rig.events)
    plan = Planned(old, rig.now, np.zeros((5, 3)), 0.0, [1.0], "done", 0.05)
    rig.loop.on_planned(plan, rig.now, rig.steady)
    assert len(rig.events) == count


def test_sub_goals_are_pursued_in_their_order(rig: Rig) -> None:
    goal = rig.begin(*OBSERVATIONS)
    for distance in (0.5, 0.01, 0.5, 0.01, 0.01, 0.01):
        rig.step(distance)
    assert [g.goal for g in rig.link.goals] == OBSERVATIONS
    assert {g.goal_id for g in rig.link.goals} == {goal}
    steps = [event[1] for event in rig.events if event[0] == "step"]
    assert steps == [0, 0, 1, 1, 2, 2]
    assert (goal, ErrorCode.NONE) in rig.events


def test_a_plan_that_is_not_finite_moves_nothing(rig: Rig) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.step(0.5, actions=np.nan)
    assert rig.events == [(goal, ErrorCode.PLANNER_FAILED)]


def test_the_first_command_of_a_plan_leaves_before_the_plan_is_reported(rig: Rig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.step(0.5)
    assert rig.events == ["command", ("step", 0), "command"]


def test_a_clock_that_stands_still_ends_the_goal(rig: Rig) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.step(0.5)
    for steady in np.arange(1.0, 3.0, 0.05):  # images and poses still come
        rig.loop.on_pose(Pose(POSE.position, POSE.orientation, steady), rig.now)
        rig.loop.watch(rig.now, steady, steady)
    assert rig.events[-1] == (goal, ErrorCode.CLOCK_JUMPED)
    assert "ROS time has stood still for" in rig.loop.clock.problem
    rig.loop.watch(rig.now + 0.1, 3.0, 3.0)
    assert rig.loop.clock.problem == ""


def test_the_time_of_a_goal_begins_with_ros_time(rig: Rig) -> None:
    rig.now = 0.0  # as ROS time is without /clock
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
    rig: Rig,
) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.step(0.5)
    goal = rig.begin(OBSERVATIONS[0])
    rig.now += 0.01
    rig.command()
    rig.now -= 5.0
    rig.command()
    assert rig.events[-1] == (goal, ErrorCode.CLOCK_JUMPED)


def test_after_a_stop_no_goal_begins_until_the_release(rig: Rig) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.step(0.5, actions=0.0)
    rig.loop.stop(rig.now)
    assert rig.events[-2:] == ["stop", (goal, ErrorCode.STOPPED)]
    with pytest.raises(Refused, match="~/release") as caught:
        rig.begin(OBSERVATIONS[1])
    assert caught.value.status.code is ErrorCode.STOPPED
    rig.loop.release()
    assert rig.begin(OBSERVATIONS[1]) == goal + 1


def test_without_a_worker_no_goal_begins(rig: Rig) -> None:
    rig.link.ready = None
    with pytest.raises(Refused, match="the worker is gone") as caught:
        rig.begin(OBSERVATIONS[0])
    assert caught.value.status.code is ErrorCode.WORKER_LOST


def test_a_worker_that_is_restarted_holds_the_arm_and_keeps_the_goal(rig: Rig) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.step(0.5)
    before = len(rig.events)
    rig.loop.on_failed(Failed(-1, "killed", lost=True, restarting=True), rig.now)
    assert rig.events[before:] == ["command", ("hold", ErrorCode.WORKER_LOST)], "at once"
    assert rig.loop.session
    rig.loop.on_failed(Failed(-1, "killed again", lost=True), rig.now)
    assert rig.events[-1] == (goal, ErrorCode.WORKER_LOST)


def test_other_settings_count_from_the_next_goal_on(rig: Rig) -> None:
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


@pytest.mark.parametrize("answered", ["before", "after"])
@pytest.mark.parametrize(
    ("missing", "code"),
    [("see", ErrorCode.NO_IMAGE), ("pose", ErrorCode.NO_POSE)],
    ids=["image", "pose"],
)
def test_the_arm_holds_for_an_overdue_image_or_pose_and_then_for_a_new_plan(
    rig: Rig, missing: str, code: ErrorCode, answered: str
) -> None:
    """The plan requested before the hold is answered before or after the missing event."""
    rig.begin(OBSERVATIONS[0])
    rig.pass_time(0.2, rig.see, rig.pose)
    rig.ask()
    rig.answer(actions=0.004)
    rig.pass_time(0.1, rig.see, rig.pose)
    assert rig.loop.commander.moving
    assert rig.loop.waiting is None
    rig.ask()  # answered later
    others = {"see": rig.see, "pose": rig.pose}
    del others[missing]
    rig.pass_time(0.2, *others.values())  # the last one, 0.08 s and the blend of 0.1 s
    assert rig.loop.waiting
    assert rig.loop.waiting.code is code
    assert not rig.loop.commander.moving
    steps = rig.events.count(("step", 0))
    if answered == "before":
        rig.answer(actions=0.004)
    rig.pass_time(0.04, rig.see, rig.pose)
    assert rig.loop.waiting is None
    if answered == "after":
        rig.answer(actions=0.004)
    rig.pass_time(0.06, rig.see, rig.pose)
    assert not rig.loop.commander.moving
    assert rig.events.count(("step", 0)) == steps
    rig.ask()
    rig.answer(actions=0.004)
    rig.pass_time(0.06, rig.see, rig.pose)
    assert rig.loop.commander.moving
    assert rig.loop.session
    assert rig.loop.holds == 1


def test_the_arm_holds_for_an_overdue_plan(rig: Rig) -> None:
    rig.begin(OBSERVATIONS[0])
    for _ in range(3):
        rig.ask()
        rig.pass_time(0.06, rig.see, rig.pose)
        rig.answer(actions=0.004)
    rig.ask()
    rig.pass_time(0.14, rig.see, rig.pose)
    assert rig.loop.waiting is None, "2.5 times as long is not overdue yet"
    rig.pass_time(0.14, rig.see, rig.pose)
    assert rig.loop.waiting
    assert rig.loop.waiting.code is ErrorCode.WORKER_LOST
    assert not rig.loop.commander.moving
    rig.answer(actions=0.004)
    rig.pass_time(0.06, rig.see, rig.pose)
    assert rig.loop.waiting is None
    assert rig.loop.commander.moving


def test_a_measured_pose_that_repeats_while_the_arm_is_commanded_to_move_is_an_old_one(
    rig: Rig,
) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.pass_time(0.2, rig.see, rig.pose)
    rig.pose()
    assert rig.loop.poses.steady == rig.steady, "an arm without commands may rest"
    rig.ask()
    rig.answer(actions=0.06)
    rig.pass_time(0.4, rig.see, rig.pose)
    assert rig.loop.waiting
    assert rig.loop.waiting.code is ErrorCode.NO_POSE
    assert rig.loop.commander.commanded_position[0] < POSE.position[0] + 0.1
    assert not rig.loop.commander.moving
    rig.loop.watch(rig.now, rig.steady + 0.9, rig.steady + 0.9)
    assert (goal, ErrorCode.NO_POSE) in rig.events


def test_a_goal_does_not_start_from_an_overdue_pose(rig: Rig) -> None:
    rig.pass_time(0.2, rig.pose)
    rig.wait(0.5)
    rig.begin(OBSERVATIONS[0])
    assert not rig.loop.commander.started
    rig.pose()
    assert rig.loop.commander.started


def test_after_a_delay_of_the_node_unread_messages_are_not_overdue(rig: Rig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.pass_time(0.2, rig.see, rig.pose)
    rig.wait(0.2)
    rig.command()  # timers come first
    rig.see()
    rig.pose()
    rig.pass_time(0.04)
    assert rig.loop.holds == 0


def test_the_end_of_a_goal_ends_the_hold(rig: Rig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.pass_time(0.2, rig.see, rig.pose)
    rig.step(0.5)
    rig.pass_time(0.2)
    assert rig.loop.waiting
    rig.loop.end(Status(ErrorCode.CANCELED, "canceled"), rig.now)
    assert rig.loop.waiting is None
