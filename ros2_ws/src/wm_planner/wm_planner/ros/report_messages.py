"""Messages that report goals and plans."""

from __future__ import annotations

import math
from typing import Any

from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import PlanStatus

from wm_planner.control import ErrorCode, GoalSession, Status
from wm_planner.models import ModelSpec
from wm_planner.ros.ros_time import seconds_to_duration
from wm_planner.text import one_line
from wm_planner.worker import Planned
from wm_planner.worker.messages import UNINFORMATIVE

_END_STATES = {
    ErrorCode.NONE: PlanStatus.REACHED,
    ErrorCode.CANCELED: PlanStatus.CANCELED,
    ErrorCode.PREEMPTED: PlanStatus.CANCELED,
    ErrorCode.STOPPED: PlanStatus.HOLDING,
}


def state_after(outcome: Status) -> int:
    """Return the state of ``PlanStatus`` after a goal with this outcome."""
    return _END_STATES.get(outcome.code, PlanStatus.FAILED)


def feedback(session: GoalSession, plan: Planned, image_age: float) -> Any:
    """Return the ``ReachGoal`` feedback of one step."""
    return ReachGoal.Feedback(
        step=session.steps,
        goal_index=session.index,
        goal_count=session.count,
        distance=plan.distance,
        cost_first=plan.cost_history[0],
        cost_last=plan.cost_history[-1],
        iterations=len(plan.cost_history),
        plan_time=plan.plan_time,
        image_age=image_age,
    )


def result(session: GoalSession, now: float) -> Any:
    """Return the ``ReachGoal`` result of a session that ended at ROS time ``now`` [s]."""
    outcome = session.outcome
    assert outcome
    return ReachGoal.Result(
        error_code=int(outcome.code),
        error_msg=outcome.message,
        final_distance=session.distance,
        initial_distance=session.initial_distance,
        steps=session.steps,
        goals_reached=session.reached,
        elapsed=seconds_to_duration(max(now - session.started, 0.0)),
    )


def result_of_refused(status: Status) -> Any:
    """Return the ``ReachGoal`` result of a goal that was accepted but could not begin."""
    nan = math.nan
    return ReachGoal.Result(
        error_code=int(status.code),
        error_msg=status.message,
        final_distance=nan,
        initial_distance=nan,
    )


def describe_plan(status: Any, plan: Planned | None, image_age: float, frame: str) -> None:
    """Fill a ``PlanStatus`` with a plan, or with NaN if there is none."""
    status.image_age = image_age
    if plan is None:
        status.distance = status.cost_first = status.cost_last = status.plan_time = math.nan
        return
    status.distance = plan.distance
    status.cost_first, status.cost_last = plan.cost_history[0], plan.cost_history[-1]
    status.iterations = len(plan.cost_history)
    status.stop_reason = one_line(plan.stop_reason)
    status.plan_time, status.frames = plan.plan_time, plan.frames
    status.action = plan.actions[0].tolist()
    status.header.frame_id = frame


def fill_response(response: Any, plan: Planned, spec: ModelSpec) -> Any:
    """Fill a ``Plan`` response with a plan; return it."""
    response.success, response.learned = True, plan.learned
    response.message = "" if plan.learned else UNINFORMATIVE
    response.actions = plan.actions.ravel().tolist()
    response.horizon = len(plan.actions)
    response.frameskip, response.action_dim = spec.frameskip, spec.action.dim
    response.action_names = list(spec.action.names)
    response.distance = plan.distance
    response.cost_first, response.cost_last = plan.cost_history[0], plan.cost_history[-1]
    response.cost_history = list(plan.cost_history)
    response.iterations = len(plan.cost_history)
    response.stop_reason = one_line(plan.stop_reason)
    response.plan_time = plan.plan_time
    return response
