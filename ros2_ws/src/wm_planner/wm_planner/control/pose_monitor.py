"""The newest measured pose; one that only repeats is not new."""

from __future__ import annotations

import math

from wm_planner.control.command_limits import CommandLimits
from wm_planner.types import Pose, Vector

STUCK = 0.25  # times the lead: after a commanded move this long the position must differ


class PoseMonitor:
    """Remembers the newest measured pose.

    A pose that repeats the last position although the arm was commanded to move is not new,
    whatever its stamp: its driver has lost the arm, or the arm does not follow its commands.

    Attributes:
        pose: The newest pose; None before the first.
    """

    def __init__(self) -> None:
        self.pose: Pose | None = None
        self._commanded: Vector | None = None  # the command when the position last changed

    @property
    def steady(self) -> float:
        """When the newest pose arrived [s, steady clock]; -inf before the first."""
        return self.pose.steady if self.pose else -math.inf

    def take(self, pose: Pose, commanded: Vector | None, limits: CommandLimits) -> bool:
        """Take a pose; return whether it is new.

        Args:
            pose: The measured pose.
            commanded: The last commanded position (n,) [m or rad]; None if no goal has started.
            limits: Their lead determines after which commanded move the position must differ.
        """
        moved = self.pose is None or (pose.position != self.pose.position).any()
        if moved:
            self._commanded = commanded
        elif commanded is not None and self._commanded is not None:
            stuck = limits.size(commanded - self._commanded) > STUCK * limits.lead
            pose = self.pose if stuck and self.pose else pose
        new = pose is not self.pose
        self.pose = pose
        return new

    def restart(self, commanded: Vector) -> None:
        """Start a goal at this commanded position (n,) [m or rad]."""
        self._commanded = commanded
