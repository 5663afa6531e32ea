"""From plans to commands: the rules of a goal, the command stream and the limits. No ROS."""

from wm_planner.control.command_limits import LimitsError
from wm_planner.control.commander import Commander
from wm_planner.control.error_codes import INACTIVE, ErrorCode, Refused, Status
from wm_planner.control.gate import CommandGate, LimitViolation
from wm_planner.control.goal_session import GoalSession
from wm_planner.control.lateness import LateCount
from wm_planner.control.listener import LoopListener
from wm_planner.control.loop import ControlLoop
from wm_planner.control.stop_record import StopRecord
from wm_planner.control.stream import CommandStream

__all__ = [
    "INACTIVE",
    "CommandGate",
    "CommandStream",
    "Commander",
    "ControlLoop",
    "ErrorCode",
    "GoalSession",
    "LateCount",
    "LimitViolation",
    "LimitsError",
    "LoopListener",
    "Refused",
    "Status",
    "StopRecord",
]
