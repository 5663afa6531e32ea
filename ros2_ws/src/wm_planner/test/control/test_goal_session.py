"""The rules that end a goal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from wm_planner.config import SessionConfig
from wm_planner.control import ErrorCode, GoalSession, Status
from wm_planner.control.goal_session import PASSING
from wm_planner.control.motion_check import DELAYS, MotionCheck
from wm_planner.control.pose_monitor import PoseMonitor
from wm_planner.types import Goal, Observation

CONFIG = SessionConfig(tolerance_images=2, image_timeout=1.0, pose_timeout=1.0, progress_time=3.0)
IMAGES = [np.full((4, 4, 3), value, np.uint8) for value in range(3)]
GOALS = [Goal(Observation((image,))) for image in IMAGES]


def _session(goals: list[Goal], motion: MotionCheck | None = None) -> GoalSession:
    return GoalSession(
        CONFIG,
        goals,
        tolerance=0.05,
        timeout=8.0,
        started=100.0,
        started_steady=5.0,
        motion=motion,
    )


@pytest.fixture
def session() -> GoalSession:
    return _session(GOALS[:1])


def test_a_goal_is_reached_after_enough_images_in_a_row(session: GoalSession) -> None:
    assert session.observe(0.04, 101.0) is None
    assert session.observe(0.06, 101.0) is None
    assert session.observe(0.04, 101.0) is None
    outcome = session.observe(0.03, 101.0)
    assert outcome
    assert outcome.reached


def test_an_arm_that_is_led_on_reaches_the_goal_after_more_images(session: GoalSession) -> None:
    outcomes = [session.observe(0.04, 101.0, moving=True) for _ in range(2 + PASSING)]
    assert outcomes[:-1] == [None] * (1 + PASSING)
    assert outcomes[-1]
    assert outcomes[-1].reached
    assert f"for {2 + PASSING} images" in outcomes[-1].message


def test_a_distance_of_nan_never_reaches_the_goal(session: GoalSession) -> None:
    assert all(session.observe(float("nan"), 101.0) is None for _ in range(5))


def test_steps_are_counted_and_the_first_distance_is_kept(session: GoalSession) -> None:
    for distance in (1.0, 0.8, 0.6):
        session.observe(distance, 101.0)
    assert (session.steps, session.initial_distance, session.distance) == (3, 1.0, 0.6)


def _tick(session: GoalSession, **times: Any) -> Status | None:
    fresh = {"now": 101.0, "steady": 6.0, "image_steady": 6.0, "pose_steady": 6.0}
    times = {**fresh, **times}
    poses = PoseMonitor()
    poses.steady = times.pop("pose_steady")
    return session.tick(**times, poses=poses)


def test_a_goal_does_not_end_while_every_clock_is_fresh(session: GoalSession) -> None:
    assert _tick(session) is None


@pytest.mark.parametrize(
    ("times", "code"),
    [
        ({"now": 108.1}, ErrorCode.TIMED_OUT),
        ({"steady": 7.1}, ErrorCode.NO_IMAGE),
        ({"steady": 7.1, "image_steady": 7.1}, ErrorCode.NO_POSE),
        ({"now": 100.0, "steady": 7.1}, ErrorCode.NO_IMAGE),  # also while ROS time stands still
    ],
)
def test_each_timeout_has_its_own_code(
    session: GoalSession, times: dict[str, float], code: ErrorCode
) -> None:
    outcome = _tick(session, **times)
    assert outcome
    assert outcome.code is code


def test_the_image_timeout_starts_with_the_goal(session: GoalSession) -> None:
    assert _tick(session, steady=5.9, image_steady=-1e9, pose_steady=-1e9) is None


def test_the_first_outcome_is_kept(session: GoalSession) -> None:
    first = session.end(Status(ErrorCode.CANCELED, "canceled"))
    assert session.end(Status(ErrorCode.STOPPED, "stopped")) is first
    assert _tick(session, now=200.0) is not None
    assert session.outcome is first


def test_a_distance_that_no_longer_falls_ends_the_goal_as_stalled(session: GoalSession) -> None:
    session.observe(0.5, 101.0)
    session.observe(0.49, 103.0)
    assert _tick(session, now=104.0) is None
    outcome = _tick(session, now=104.1)
    assert outcome
    assert outcome.code is ErrorCode.STALLED
    assert "0.490" in outcome.message


def test_a_slowed_arm_has_more_time_to_progress_but_not_for_the_goal(
    session: GoalSession,
) -> None:
    session.observe(0.5, 100.0)
    for now in np.arange(100.0, 108.0, 0.05):
        assert _tick(session, now=now, pace=0.25) is None  # 2 of 3 s
    outcome = _tick(session, now=108.1, pace=0.25)
    assert outcome
    assert outcome.code is ErrorCode.TIMED_OUT


def test_the_end_says_what_was_late(session: GoalSession) -> None:
    session.observe(0.5, 101.0)
    outcome = _tick(session, now=108.1, late="plans were late 3 times")
    assert outcome
    assert "the distance is 0.500" in outcome.message
    assert outcome.message.endswith("; plans were late 3 times")


def test_a_goal_without_a_plan_ends_with_the_reason(session: GoalSession) -> None:
    outcome = _tick(session, now=108.1, unplanned="no image came")
    assert outcome
    assert outcome.message.endswith("were allowed; no plan was made: no image came")


def test_one_image_passes_a_sub_goal_and_several_reach_the_goal() -> None:
    session = _session(GOALS)
    pursued = []
    for distance in (0.04, 0.5, 0.04, 0.04):
        assert session.observe(distance, 101.0) is None
        pursued.append((session.goal is GOALS[session.index], session.index))
        session.advance()
    assert pursued == [(True, 0), (True, 1), (True, 1), (True, 2)]
    assert session.reached == 2
    outcome = session.observe(0.04, 102.0)
    assert outcome
    assert outcome.reached
    assert session.reached == 3
    assert not session.advance()


def test_each_sub_goal_has_its_own_progress_time() -> None:
    session = _session(GOALS)
    session.observe(0.04, 101.0)
    session.advance()
    session.observe(0.9, 103.9)
    assert _tick(session, now=105.0) is None


def test_a_goal_may_have_its_own_tolerance() -> None:
    session = _session([replace(GOALS[0], tolerance=0.2), GOALS[1]])
    session.observe(0.15, 101.0)
    assert session.tolerance == 0.2
    assert session.advance()
    assert session.tolerance == 0.05


def test_the_next_goal_may_be_nearer_although_the_arm_has_not_moved() -> None:
    session = _session([replace(GOALS[0], tolerance=1.0), GOALS[1]], MotionCheck(6.0))
    resting = np.zeros((len(DELAYS), 3))
    session.observe(0.9, 101.0, resting, 101.0)
    assert session.advance()
    session.observe(0.04, 101.1, resting, 101.1)
    assert session.doubt == ""
    session.observe(0.9, 101.2, resting, 101.2)
    session.observe(0.04, 101.3, resting, 101.3)
    assert session.doubt == "", "it was seen as near before"


def test_the_gripper_explains_what_the_images_show_for_a_while() -> None:
    session = _session(GOALS[:1], MotionCheck(6.0))
    resting = np.zeros((len(DELAYS), 3))
    session.observe(0.9, 101.0, resting, 101.0)
    for now, distance in ((101.5, 0.9), (102.0, 0.4), (104.0, 0.06)):
        session.observe(distance, now, resting, now, None, 101.2)
        assert session.doubt == ""
    session = _session(GOALS[:1], MotionCheck(6.0))
    for now, distance in ((104.3, 0.9), (104.5, 0.4)):
        session.observe(distance, now, resting, now, None, 101.2)
    assert "cannot be true" in session.doubt, "the gripper has come to rest"


def test_a_gripper_command_of_the_future_explains_nothing() -> None:
    """The clock has jumped back since."""
    session = _session(GOALS[:1], MotionCheck(6.0))
    resting = np.zeros((len(DELAYS), 3))
    for now, distance in ((101.0, 0.9), (101.2, 0.4)):
        session.observe(distance, now, resting, now, None, 500.0)
    assert "cannot be true" in session.doubt


def test_a_plan_that_learned_nothing_holds_with_its_cause_and_what_to_do(
    session: GoalSession,
) -> None:
    session.observe(0.5, 101.0)
    assert session.hold is None
    session.observe(0.5, 101.1, learned=False)
    assert session.hold
    assert session.hold.code is ErrorCode.UNINFORMATIVE
    assert session.hold.message.startswith("holding: nothing distinguishes the candidates")
    assert "wm-planner doctor" in session.hold.message
    session.observe(0.5, 101.2)
    assert session.hold is None


def test_a_goal_whose_plans_learn_nothing_ends_as_stalled_and_says_why(
    session: GoalSession,
) -> None:
    session.observe(0.5, 100.0, learned=False)
    session.observe(0.4, 102.0, learned=False)  # fell without the arm, which is no progress
    assert _tick(session, now=103.0) is None
    outcome = _tick(session, now=103.1)
    assert outcome
    assert outcome.code is ErrorCode.STALLED
    assert "session.progress_time (3 s): nothing distinguishes the candidates" in outcome.message


def test_a_timeout_also_says_that_the_plans_learned_nothing(session: GoalSession) -> None:
    session.observe(0.5, 101.0, learned=False)
    outcome = _tick(session, now=108.1, pace=0.0)
    assert outcome
    assert outcome.code is ErrorCode.TIMED_OUT
    assert "nothing distinguishes the candidates" in outcome.message


def test_an_arm_whose_plans_learn_again_gets_its_time_back(session: GoalSession) -> None:
    _tick(session, now=100.0)
    session.observe(0.5, 100.0)
    assert _tick(session, now=101.0) is None
    session.observe(0.1, 101.0, learned=False)  # not the best so far either: nobody moved the arm
    assert _tick(session, now=103.0) is None
    session.observe(0.5, 103.0)
    assert _tick(session, now=105.0) is None, "2 s passed while it could move"
    outcome = _tick(session, now=105.1)
    assert outcome
    assert outcome.code is ErrorCode.STALLED
    assert "did not fall below 0.500" in outcome.message


def test_a_goal_is_reached_although_the_plans_learn_nothing(session: GoalSession) -> None:
    assert session.observe(0.04, 101.0, learned=False) is None
    outcome = session.observe(0.04, 101.1, learned=False)
    assert outcome
    assert outcome.reached


def test_the_next_sub_goal_begins_without_the_hold_of_the_last() -> None:
    session = _session(GOALS)
    session.observe(0.04, 101.0, learned=False)
    assert session.hold
    assert session.advance()
    assert session.hold is None


def test_with_masks_the_distance_without_them_says_whether_images_are_true() -> None:
    """What counts may be where the arm is not, so its distance may fall while the arm rests."""
    resting = np.zeros((len(DELAYS), 3))
    for whole, doubted in ((0.9, False), (0.2, True)):
        session = _session(GOALS[:1], MotionCheck(6.0))
        session.observe(1.0, 101.0, resting, 101.0, 1.0)
        session.observe(0.2, 101.1, resting, 101.1, whole)
        assert bool(session.doubt) is doubted
        assert session.distance == 0.2
