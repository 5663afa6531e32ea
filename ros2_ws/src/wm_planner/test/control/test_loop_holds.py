"""The loop holds the arm while an observation, a pose or a plan is overdue."""

from __future__ import annotations

import pytest
from loop_rig import OBSERVATIONS, POSE, LoopRig

from wm_planner.config import Config
from wm_planner.control import ErrorCode, Status
from wm_planner.models import ModelSpec
from wm_planner.types import Goal


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
    assert rig.loop.holding.reason is None
    rig.request_plan()  # answered later
    others = {"image": rig.observe, "pose": rig.pose}
    del others[missing]
    rig.run(0.2, *others.values())  # 0.08 s until late, and 0.1 s until overdue
    assert rig.loop.holding.reason
    assert rig.loop.holding.reason.code is code
    assert not rig.loop.commander.moving
    steps = rig.events.count(("step", 0))
    if answered == "before":
        rig.answer_plan(actions=0.004)
    rig.run(0.04, rig.observe, rig.pose)
    assert rig.loop.holding.reason is None
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
    assert rig.loop.holding.count == 1


def test_the_arm_holds_for_an_overdue_plan(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    for _ in range(3):
        rig.request_plan()
        rig.run(0.06, rig.observe, rig.pose)
        rig.answer_plan(actions=0.004)
    rig.request_plan()
    rig.run(0.14, rig.observe, rig.pose)
    assert rig.loop.holding.reason is None, "2.5 times as long is not overdue yet"
    rig.run(0.14, rig.observe, rig.pose)
    assert rig.loop.holding.reason
    assert rig.loop.holding.reason.code is ErrorCode.WORKER_LOST
    assert not rig.loop.commander.moving
    rig.answer_plan(actions=0.004)
    rig.run(0.06, rig.observe, rig.pose)
    assert rig.loop.holding.reason is None
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
    assert rig.loop.holding.reason
    assert rig.loop.holding.reason.code is ErrorCode.NO_POSE
    assert rig.loop.commander.commanded_point[0] < POSE.position[0] + 0.1
    assert not rig.loop.commander.moving
    rig.watch(after=0.9)
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
    rig.wait(0.3)
    rig.command()  # timers run before subscriptions
    rig.observe()
    rig.pose()
    rig.run(0.04)
    assert rig.loop.holding.count == 0
    assert rig.loop.lateness.summary() == ""


def test_after_a_delay_of_the_node_the_timeouts_wait_for_unread_messages(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose, rig.watch)
    read = rig.steady
    rig.wait(1.2)
    rig.loop.watch(rig.now, rig.steady, read)  # timers run before subscriptions
    assert rig.loop.session
    rig.pose()
    rig.loop.watch(rig.now + 0.05, rig.steady + 0.05, rig.steady)
    assert rig.loop.session
    rig.loop.watch(rig.now + 0.1, rig.steady + 0.1, read)  # the images are missing indeed
    assert rig.outcome
    assert rig.outcome.code is ErrorCode.NO_IMAGE


def test_a_node_that_is_delayed_all_the_time_holds_all_the_same(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose)
    rig.step(0.5, actions=0.004)
    for _ in range(8):
        rig.wait(0.05)
        rig.pose()
        rig.command()
    assert rig.loop.holding.count == 1
    assert rig.loop.holding.reason
    assert not rig.loop.commander.moving


def test_the_arm_rests_by_the_time_at_which_it_has_to_hold(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose)
    rig.request_plan()
    rig.answer_plan(actions=0.004)
    rig.run(0.2, rig.observe, rig.pose)
    rig.run(0.16, rig.pose)  # 0.08 s until the image is late, and 0.1 s until it is overdue
    assert rig.loop.holding.reason is None
    assert rig.loop.commander.time_scale.value == pytest.approx(0.0, abs=1e-9)


def test_the_arm_slows_for_a_late_image_before_it_holds(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose)
    rig.request_plan()
    rig.answer_plan(actions=0.004)
    rig.run(0.2, rig.observe, rig.pose)
    rig.run(0.12, rig.pose)
    assert 0.4 < rig.loop.commander.time_scale.value < 0.9
    rig.run(0.1, rig.observe, rig.pose)
    assert rig.loop.commander.time_scale.value == 1.0
    assert rig.loop.holding.count == 0
    assert rig.loop.lateness.summary() == ("images were late once (longest 0.12 s, usually 0.02 s)")


def test_on_a_machine_so_busy_that_a_pose_is_overdue_during_every_plan_the_goal_goes_on(
    rig: LoopRig,
) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.run(0.3, rig.observe, rig.pose)
    moved = []
    for distance in (0.3, 0.25, 0.2, 0.15, 0.01, 0.01):
        before = rig.loop.commander.commanded_point
        rig.request_plan()
        rig.run(0.3, rig.observe)
        assert rig.loop.holding.reason
        rig.run(0.04, rig.observe, rig.pose)
        rig.answer_plan(distance, actions=0.004)
        if rig.loop.session:
            rig.run(0.1, rig.observe, rig.pose)
            rig.run(0.3, rig.observe)
        moved.append(bool((rig.loop.commander.commanded_point != before).any()))
    assert (goal, ErrorCode.NONE) in rig.events
    assert moved[:4] == [True] * 4


def test_a_plan_that_is_not_followed_is_counted_and_measured(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose)
    rig.step(0.5, actions=0.004)
    rig.request_plan()
    rig.run(0.3, rig.pose)
    assert rig.loop.holding.reason
    rig.answer_plan(0.3)
    assert rig.loop.session
    assert (rig.loop.session.steps, rig.loop.session.distance) == (2, 0.3)
    assert rig.events.count(("step", 0)) == 1
    assert not rig.loop.commander.moving


def test_a_goal_that_ends_says_what_was_late_and_why_no_plan_was_made(rig: LoopRig) -> None:
    rig.loop.begin([Goal(OBSERVATIONS[0])], 2.0, rig.now, rig.steady)
    rig.run(0.2, rig.observe, rig.pose)
    rig.request_plan()
    rig.run(0.5, rig.pose)
    rig.run(1.5, rig.pose, rig.observe)
    rig.watch()
    assert rig.outcome
    assert rig.outcome.code is ErrorCode.TIMED_OUT
    assert (
        "; no plan was made: the first plan was not finished; images were late once, 1 of these"
        in (rig.outcome.message)
    )


def test_a_goal_does_not_stall_while_the_operator_slows_the_arm(rig: LoopRig) -> None:
    rig.loop.commander.time_scale.override = 0.0
    rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose)
    rig.step(0.5)
    rig.run(15.0, rig.observe, rig.pose, rig.watch)
    assert rig.loop.session
    rig.loop.commander.time_scale.override = 1.0
    rig.run(9.5, rig.observe, rig.pose, rig.watch)
    assert rig.loop.session
    rig.run(1.0, rig.observe, rig.pose, rig.watch)
    assert rig.outcome
    assert rig.outcome.code is ErrorCode.STALLED


def test_the_end_of_a_goal_ends_the_hold(rig: LoopRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.run(0.2, rig.observe, rig.pose)
    rig.step(0.5)
    rig.run(0.2)
    assert rig.loop.holding.reason
    rig.loop.end(Status(ErrorCode.CANCELED, "canceled"), rig.now)
    assert rig.loop.holding.reason is None


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
    assert rig.loop.holding.count == 0
