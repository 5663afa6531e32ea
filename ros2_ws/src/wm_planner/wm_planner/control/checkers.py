"""When a goal is reached and when it has stalled, from its distances alone."""

from __future__ import annotations


class GoalChecker:
    """Reached: the distance stays below the tolerance for some images in a row.

    Args:
        tolerance: In typical distances.
        frames: Images in a row.

    Attributes:
        count: Images in a row so far.
    """

    def __init__(self, tolerance: float, frames: int) -> None:
        self.tolerance, self.frames = tolerance, frames
        self.count = 0

    def observe(self, distance: float) -> bool:
        """Count an image's distance, in typical distances; NaN is never near."""
        self.count = self.count + 1 if distance < self.tolerance else 0
        return self.count >= self.frames


class ProgressChecker:
    """Stalled: the distance did not fall by enough for too long.

    The rule is that of nav2's SimpleProgressChecker, with the distance to the goal in place of the
    way made.

    Args:
        time: How long it may take to fall [s, ROS time]; 0: for ever.
        fraction: The least that counts as a fall, in typical distances.

    Attributes:
        best: The distance that has to be undercut.
    """

    def __init__(self, time: float, fraction: float) -> None:
        self._time, self._fraction = time, fraction
        self.best = float("inf")
        self._since = float("inf")

    def observe(self, distance: float, now: float) -> None:
        """Take an image's distance, in typical distances, and its ROS time [s]."""
        if distance <= self.best - self._fraction:
            self.best, self._since = distance, now

    def pause(self, now: float) -> None:
        """Nothing is done for the goal at this ROS time [s], which does not count."""
        if self._since < now:
            self._since = now

    def stalled(self, now: float) -> bool:
        """Whether the time is over; never before the first image."""
        return self._time > 0 and now - self._since > self._time
