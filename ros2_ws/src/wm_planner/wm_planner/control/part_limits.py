"""What the limits of position, joints and orientation have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from wm_planner.types import Vector


class PartLimits(ABC):
    """The limits of one part of the commands: positions, joints, or orientations.

    Speed, acceleration and lead apply to the length of a move, a velocity or a change of velocity.

    Args:
        speed: Largest speed [m/s or rad/s].
        acceleration: Largest acceleration [m/s^2 or rad/s^2].
        lead: Largest distance of a command from the measured point [m or rad].
        start_margin: How far outside of the region a goal may start [m or rad].
    """

    region = ""
    """Names of the settings of the region that commands never leave, for errors."""
    prefix = ""
    """What the names of speed, acceleration and lead begin with after ``max_`` in the settings."""
    unit = "m"
    """Unit of moves."""
    what = "position"
    """What is commanded, for errors."""
    measured_by = "current_pose"
    """Topic of the measured point."""
    bisections = 20
    """Steps of the search for the fastest safe velocity."""
    moves = True
    """Whether the actions move this part; a part at rest keeps its place, or the goal ends."""

    def __init__(self, speed: float, acceleration: float, lead: float, start_margin: float) -> None:
        self.speed, self.acceleration = speed, acceleration
        self.lead, self.start_margin = lead, start_margin

    def name(self, limit: str) -> str:
        """Return the name of the setting of ``speed``, ``acceleration`` or ``lead``."""
        return f"limits.max_{self.prefix}{limit}"

    def counted_as(self, limit: str) -> str:
        """Return the name under which violations of a limit are counted."""
        return limit

    def size(self, move: Vector) -> float:
        """Return the length of a move (m,)."""
        return float(np.linalg.norm(move))

    def within(self, move: Vector, center: Vector, radius: float) -> Vector:
        """Return the move nearest to ``move`` within ``radius`` of ``center``."""
        offset = move - center
        length = float(np.linalg.norm(offset))
        return move if length <= radius else np.asarray(center + offset * (radius / length))

    def braking(self, velocity: Vector) -> Vector:
        """Return the move (m,) while braking to rest at the largest acceleration."""
        return np.asarray(velocity * np.linalg.norm(velocity) / (2 * self.acceleration))

    def between(self, first: Vector, second: Vector) -> Vector:
        """Return the move (m,) from a point (n,) to another."""
        return np.asarray(second - first)

    def moved(self, point: Vector, move: Vector) -> Vector:
        """Return the point (n,) after a move (m,)."""
        return np.asarray(point + move)

    @abstractmethod
    def into(self, point: Vector) -> Vector:
        """Return the point (n,) of the region that is near to a point; itself if it is inside."""

    def around(self, start: Vector, goal: Vector) -> Vector:
        """Return a point (n,) on a way from one to another that keeps within the region.

        That is the goal itself if the direct way does.
        """
        return goal

    @abstractmethod
    def stays(self, start: Vector, move: Vector) -> bool:
        """Return whether a move (m,) stays in the region, all the way.

        From a start outside, it goes no further out.
        """

    @abstractmethod
    def outside(self, point: Vector) -> str:
        """Return where a point outside of the region lies, as a sentence without a subject."""
