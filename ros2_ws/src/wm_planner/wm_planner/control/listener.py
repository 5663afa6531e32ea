"""The interface through which the control loop sends commands and reports."""

from __future__ import annotations

from typing import Protocol

from wm_planner.control.error_codes import Status
from wm_planner.control.goal_session import GoalSession
from wm_planner.types import Command
from wm_planner.worker import Planned


class LoopListener(Protocol):
    """Receives the commands and reports of a ``ControlLoop``; commands always come first."""

    def on_command(self, command: Command) -> None:
        """Send a checked command to the robot."""

    def on_step(self, session: GoalSession, plan: Planned) -> None:
        """Report a plan that the arm follows from now on."""

    def on_hold(self, status: Status) -> None:
        """Report that the arm holds although a goal is under way."""

    def on_end(self, goal_id: int, session: GoalSession, now: float) -> None:
        """Report the end of a goal at ROS time ``now`` [s]; the arm was commanded to stop."""
