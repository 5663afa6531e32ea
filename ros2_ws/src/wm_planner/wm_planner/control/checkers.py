"""Decide from the distances to a goal whether it is reached and whether progress has stalled."""

from __future__ import annotations


class GoalChecker:
    """Decides that a goal is reached: the distance stays below the tolerance for several images.

    Args:
        tolerance: In typical distances.
        images: Number of images in a row.

    Attributes:
        count: Images in a row so far.
    """

    def __init__(self, tolerance: float, images: int) -> None:
        self.tolerance, self.images = tolerance, images
        self.count = 0

    def observe(self, distance: float) -> bool:
        """Take a distance, in typical distances; return whether the goal is reached; NaN is not."""
        self.count = self.count + 1 if distance < self.tolerance else 0
        return self.count >= self.images


class ProgressChecker:
    """Decides that progress has stalled: the distance has not fallen by enough for too long.

    This is the rule of nav2's SimpleProgressChecker, with the distance to the goal instead of the
    distance traveled.

    Args:
        time: Time within which the distance must fall [s, ROS time]; 0 disables the check.
        fraction: Smallest decrease that counts as progress, in typical distances.

    Attributes:
        best: The smallest distance that counted as progress.
    """

    def __init__(self, time: float, fraction: float) -> None:
        self._time, self._fraction = time, fraction
        self.best = float("inf")
        self._since = float("inf")

    def begin(self, now: float) -> None:
        """Count from this ROS time [s], unless a distance was observed before."""
        self._since = min(self._since, now)

    def observe(self, distance: float, now: float) -> None:
        """Take a distance, in typical distances, at a ROS time [s]."""
        if distance <= self.best - self._fraction:
            self.best, self._since = distance, now

    def pause(self, seconds: float) -> None:
        """Do not count a time that has passed [s, ROS time]."""
        self._since += seconds

    def stalled(self, now: float) -> bool:
        """Return whether progress has stalled; never before the first distance."""
        return self._time > 0 and now - self._since > self._time
