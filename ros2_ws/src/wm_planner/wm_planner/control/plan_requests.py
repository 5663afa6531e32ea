"""The observation to plan from next, and the last one planned from."""

from __future__ import annotations

import math

from wm_planner.control.clock import MAX_FUTURE
from wm_planner.control.commander import Commander
from wm_planner.control.motion_check import PositionHistory
from wm_planner.control.pose_monitor import PoseMonitor
from wm_planner.types import Observation, Vector
from wm_planner.worker import PlannerLink


class PlanRequests:
    """Chooses the observations to plan from, each newer than the last.

    Attributes:
        newest: The newest observation, unless it was planned from.
        stamp: Stamp of the observation planned from last [s].
        where: Where the arm was at it, see ``PositionHistory.around``.
        outdated: Whether the arm has held for an image or a pose since.
    """

    def __init__(self) -> None:
        self.newest: Observation | None = None
        self.stamp = -math.inf
        self.where: Vector | None = None
        self.outdated = False

    def restart(self, now: float) -> None:
        """Begin at ROS time ``now`` [s]: the observations may be a second old."""
        self.stamp = now - 1.0

    def due(self, now: float, max_age: float) -> Observation | None:
        """Return the newest observation if a plan may begin from it, or None.

        Args:
            now: ROS time [s].
            max_age: Largest age of the observation [s].
        """
        stamp = self.newest.stamp if self.newest else -math.inf
        fresh = now - max_age <= stamp <= now + MAX_FUTURE
        return self.newest if fresh and stamp > self.stamp else None

    def made(self, observation: Observation, history: PositionHistory) -> None:
        """Remember that a plan from this observation was requested."""
        self.newest, self.outdated = None, False
        self.stamp, self.where = observation.stamp, history.around(observation.stamp)

    def may_follow(self, commander: Commander) -> bool:
        """Return whether the arm may follow the plan when nothing is overdue.

        If the arm has held for an image or a pose since the request, then what happened meanwhile
        shows only in a newer image, so the plan is not followed. But if the arm has rested since
        the image, the plan begins where the arm is, like the first plan of a goal. So a goal goes
        on even on a machine so busy that something is overdue during every plan.
        """
        return not self.outdated or commander.rested_since(self.stamp)

    def why_none(self, commander: Commander, poses: PoseMonitor, link: PlannerLink) -> str:
        """Return why a goal without a plan has none yet."""
        if not commander.started:
            return poses.problem or "no measured pose came to start from"
        if link.ready is None:
            return link.problem
        return "no image came to plan from" if link.idle else "the first plan was not finished"
