"""Measures at the end of a goal how late the arm followed, and says if ``commands.lag`` differs."""

from __future__ import annotations

from rclpy.node import Node

from wm_planner.config import CommandsConfig
from wm_planner.control import ControlLoop, ErrorCode, Status
from wm_planner.control.follow_lag import TOLERANCE, lag_difference, measured_lag
from wm_planner.control.receiver import sends_velocity
from wm_planner.ros import log

FOLLOWED = (ErrorCode.NONE, ErrorCode.TIMED_OUT, ErrorCode.CANCELED, ErrorCode.PREEMPTED)
"""Ends of goals whose arm has followed until then."""


class LagLog:
    """Keeps the measured lag.

    Nothing is measured in shadow mode, which no arm follows, and for velocities, whose feedback
    corrects the lag toward ``commands.lag``.

    Args:
        node: Its logger is used.
        commands: Their type and lag.

    Attributes:
        measured: How late the arm followed in the last goal whose motion told it [s]; None before.
    """

    def __init__(self, node: Node, commands: CommandsConfig) -> None:
        self._node, self._lag = node, commands.lag
        self._measures = not (commands.shadow or sends_velocity(commands))
        self.measured: float | None = None
        self._said = commands.lag

    def judge(self, loop: ControlLoop, outcome: Status) -> None:
        """Measure the lag in a goal that has ended, and log it if it is new that it differs."""
        if not self._measures or outcome.code not in FOLLOWED:
            return
        measured = measured_lag(loop.commander.history, loop.poses.history)
        if measured is None:
            return
        self.measured = measured
        if abs(measured - self._said) >= TOLERANCE:
            self._said = measured
            if difference := lag_difference(measured, self._lag):
                log.info(self._node, f"commands: {difference}")
