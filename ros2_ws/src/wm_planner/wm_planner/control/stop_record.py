"""Why goals are rejected until ``~/release``, since when, and what was under way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wm_planner.control.error_codes import ErrorCode, Status
from wm_planner.control.goal_session import GoalSession


@dataclass(frozen=True)
class StopRecord:
    """A stop, which lasts until the release, and the stops that followed meanwhile.

    Attributes:
        reason: Who or what stopped the arm, as "~/stop was called by /goal_client".
        time: When [s, ROS time].
        under_way: What the arm did then, as "in goal 3 after 2 steps".
        again: Reason of the last of the stops that followed; empty if there was none.
        repeats: How many followed.
    """

    reason: str
    time: float
    under_way: str
    again: str = ""
    repeats: int = 0

    @classmethod
    def of(
        cls,
        before: StopRecord | None,
        reason: str,
        time: float,
        goal: int,
        session: GoalSession | None,
    ) -> StopRecord:
        """Return the record of a stop.

        Args:
            before: The record of a stop that was not released; only the last reason is added.
            reason: Who or what stopped the arm.
            time: Now [s, ROS time].
            goal: Number of the last goal.
            session: The goal under way, if there is one.
        """
        if before:
            return replace(before, again=reason, repeats=before.repeats + 1)
        steps = f"in goal {goal} after {session.steps} steps" if session else ""
        return cls(reason, time, steps or "while no goal was under way")

    @property
    def sentence(self) -> str:
        """Who stopped the arm, when, and what was under way."""
        times = "once more" if self.repeats == 1 else f"{self.repeats} times more"
        again = f"; then {times}, at last because {self.again}" if self.repeats else ""
        return f"{self.reason} at {self.time:.3f} s of ROS time {self.under_way}{again}"

    @property
    def status(self) -> Status:
        """The status of the goal that ended, and of the goals that are rejected."""
        return Status(
            ErrorCode.STOPPED, f"{self.sentence}: goals are rejected until ~/release is called"
        )
