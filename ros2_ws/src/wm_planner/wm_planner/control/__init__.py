"""From plans to the robot: the goal's rules, the command stream and the limits; no ROS here."""

from wm_planner.control.bounds import LimitsError
from wm_planner.control.commander import Command, Commander, Pose
from wm_planner.control.goal_session import GoalSession
from wm_planner.control.limits import CommandGate, LimitViolation
from wm_planner.control.loop import ControlLoop
from wm_planner.control.status import ErrorCode, Refused, Status
from wm_planner.control.stream import CommandStream

__all__ = [
    "Command",
    "CommandGate",
    "CommandStream",
    "Commander",
    "ControlLoop",
    "ErrorCode",
    "GoalSession",
    "LimitViolation",
    "LimitsError",
    "Pose",
    "Refused",
    "Status",
]
