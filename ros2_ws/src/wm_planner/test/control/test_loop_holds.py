"""The loop holds the arm while an observation, a pose or a plan is overdue."""

from __future__ import annotations

import pytest
from loop_rig import OBSERVATIONS, POSE, LoopRig

from wm_planner.config import Config
from wm_planner.control import ErrorCode, Status
from wm_planner.models import ModelSpec


@pytest.fixture
def rig(spec: ModelSpec) -> LoopRig:
    return LoopRig(spec)


@pytest.mark.parametrize("answered", ["before", "after"])
@pytest.mark.parametrize(
    ("missing", "code"),
    [("image", ErrorCode.NO_IMAGE), ("pose", ErrorCode.NO_POSE)],
    ids=["image", "pose"],
)
def test_the_arm_holds_for_an_overdue_image_or_pose_and_then_for_a_new_plan(
    rig: LoopRig, missing: str, code: ErrorCode, answered: str
) -> None:
    """The plan requested before the hold is answered before or after the missing event."""
    rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose)
    rig.request_plan()
    rig.answer_plan(actions=0.004)
    rig.run(0.1, rig.observe, rig.pose)
    assert rig.loop.commander.moving
    assert rig.loop.waiting is None
    rig.request_plan()  # answered later
    others = {"image": rig.observe, "pose": rig.pose}
    del others[missing]
    rig.run(0.2, *others.values())  # 0.08 s until overdue, and 0.1 s of blend
    assert rig.loop.waiting
    assert rig.loop.waiting.code is code
    assert not rig.loop.commander.moving
    steps = rig.events.count(("step", 0))
    if answered == "before":
        rig.answer_plan(actions=0.004)
    rig.run(0.04, rig.observe, rig.pose)
    assert rig.loop.waiting is None
    if answered == "after":
        rig.answer_plan(actions=0.004)
    rig.run(0.06, rig.observe, rig.pose)
    assert not rig.loop.commander.moving
    assert rig.events.count(("step", 0)) == steps
    rig.request_plan()
    rig.answer_plan(actions=0.004)
    rig.run(0.06, rig.observe, rig.pose)
    assert rig.loop.commander.moving
    assert rig.loop.session
    assert rig.loop.holds == 1


def test_the_arm_holds_for_an_overdue_plan(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    for _ in range(3):
        rig.request_plan()
        rig.run(0.06, rig.observe, rig.pose)
        rig.answer_plan(actions=0.004)
    rig.request_plan()
    rig.run(0.14, rig.observe, rig.pose)
    assert rig.loop.waiting is None, "2.5 times as long is not overdue yet"
    rig.run(0.14, rig.observe, rig.pose)
    assert rig.loop.waiting
    assert rig.loop.waiting.code is ErrorCode.WORKER_LOST
    assert not rig.loop.commander.moving
    rig.answer_plan(actions=0.004)
    rig.run(0.06, rig.observe, rig.pose)
    assert rig.loop.waiting is None
    assert rig.loop.commander.moving


def test_a_measured_pose_that_repeats_while_the_arm_is_commanded_to_move_is_not_new(
    rig: LoopRig,
) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose)
    rig.pose()
    assert rig.loop.poses.steady == rig.steady, "an arm without commands may rest"
    rig.request_plan()
    rig.answer_plan(actions=0.06)
    rig.run(0.4, rig.observe, rig.pose)
    assert rig.loop.waiting
    assert rig.loop.waiting.code is ErrorCode.NO_POSE
    assert rig.loop.commander.commanded_position[0] < POSE.position[0] + 0.1
    assert not rig.loop.commander.moving
    rig.loop.watch(rig.now, rig.steady + 0.9, rig.steady + 0.9)
    assert (goal, ErrorCode.NO_POSE) in rig.events


def test_a_goal_does_not_start_from_an_overdue_pose(rig: LoopRig) -> None:
    rig.run(0.2, rig.pose)
    rig.wait(0.5)
    rig.begin(OBSERVATIONS[0])
    assert not rig.loop.commander.started
    rig.pose()
    assert rig.loop.commander.started


def test_after_a_delay_of_the_node_unread_messages_are_not_overdue(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose)
    rig.wait(0.2)
    rig.command()  # timers run before subscriptions
    rig.observe()
    rig.pose()
    rig.run(0.04)
    assert rig.loop.holds == 0


def test_the_end_of_a_goal_ends_the_hold(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose)
    rig.step(0.5)
    rig.run(0.2)
    assert rig.loop.waiting
    rig.loop.end(Status(ErrorCode.CANCELED, "canceled"), rig.now)
    assert rig.loop.waiting is None


def test_after_other_planning_settings_the_usual_time_of_a_plan_is_learned_anew(
    rig: LoopRig,
) -> None:
    def plan(seconds: float) -> None:
        rig.request_plan()
        rig.run(seconds, rig.observe, rig.pose)
        rig.answer_plan()

    rig.begin(OBSERVATIONS[0])
    for _ in range(4):
        plan(0.06)
    rig.loop.end(Status(ErrorCode.CANCELED, "canceled"), rig.now)
    rig.run(1.0, rig.observe, rig.pose)
    config = Config()
    config.limits.workspace_min, config.limits.workspace_max = [0.0, -1.0, 0.0], [1.0, 1.0, 1.0]
    config.planning.iterations = 60
    rig.loop.apply(config)
    rig.begin(OBSERVATIONS[0])
    for _ in range(4):
        plan(0.4)
    assert rig.loop.holds == 0
