"""The newest measured pose, and whether it is really new."""

from __future__ import annotations

import math

from wm_planner.control.bounds import Bounds
from wm_planner.types import Pose, Vector

STUCK = 0.25  # of the lead: an arm commanded to move so far must show another position


class PoseMonitor:
    """Remembers the newest measured pose.

    A pose that repeats the last position although the arm was commanded to move counts as the old
    one, whatever its stamp: its driver lost the arm, or the arm does not follow.

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

    def take(self, pose: Pose, commanded: Vector | None, bounds: Bounds) -> bool:
        """Take a pose; return whether it is new.

        Args:
            pose: The measured pose.
            commanded: The last commanded position (n,) [m or rad]; None if no goal has started.
            bounds: Say how far the arm must have been commanded to be expected elsewhere.
        """
        moved = self.pose is None or (pose.position != self.pose.position).any()
        if moved:
            self._commanded = commanded
        elif commanded is not None and self._commanded is not None:
            stuck = bounds.size(commanded - self._commanded) > STUCK * bounds.lead
            pose = self.pose if stuck and self.pose else pose
        new = pose is not self.pose
        self.pose = pose
        return new

    def restart(self, commanded: Vector) -> None:
        """Begin a goal at this commanded position (n,) [m or rad]."""
        self._commanded = commanded
