"""From plans to the robot: the goal's rules, the command stream and the limits; no ROS here."""

from wm_planner.control.limits import CommandGate, LimitsError, LimitViolation
from wm_planner.control.loop import ControlLoop, Pose, Refused
from wm_planner.control.outcome import Code, Outcome
from wm_planner.control.session import Session
from wm_planner.control.stream import CommandStream

__all__ = [
    "Code",
    "CommandGate",
    "CommandStream",
    "ControlLoop",
    "LimitViolation",
    "LimitsError",
    "Outcome",
    "Pose",
    "Refused",
    "Session",
]
