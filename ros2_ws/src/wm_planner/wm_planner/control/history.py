"""Where the arm was told to be, and the clock of the stream, by ROS time."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from itertools import islice

import numpy as np

from wm_planner.control.space import CommandSpace
from wm_planner.types import Vector

RESTED = 1e-6  # [m or rad, also per second] a command that differs by less rests
LENGTH = 10.0  # [s] how far back commands are remembered


class CommandHistory:
    """Remembers commanded points for ``LENGTH`` seconds of ROS time.

    Args:
        lag: How long after a command the moving arm is at the commanded point [s].
    """

    def __init__(self, lag: float = 0.0) -> None:
        self.lag = lag
        self._items: deque[tuple[float, float, Vector]] = deque()

    def __bool__(self) -> bool:
        return bool(self._items)

    def clear(self) -> None:
        """Forget all points."""
        self._items.clear()

    def add(self, now: float, clock: float, point: Vector) -> None:
        """Remember a point (n,) commanded at a ROS time [s]; forget all if time went back.

        ``clock`` is the time of the stream at this point [s].
        """
        if self._items and now < self._items[-1][0]:
            self._items.clear()
        self._items.append((now, clock, point))
        while len(self._items) > 1 and self._items[0][0] < now - LENGTH:
            self._items.popleft()

    def at(self, stamp: float) -> Vector:
        """Return the commanded point (n,) that a moving arm passes at a ROS time [s].

        That is the first one if the time is earlier.
        """
        return self._item(stamp)[2]

    @property
    def began(self) -> float:
        """ROS time [s] of the oldest command that is remembered; infinity if there is none."""
        return self._items[0][0] if self._items else math.inf

    def along(self, space: CommandSpace, stamps: Vector) -> Vector | None:
        """Return the commanded points (k, n) that a moving arm passes at ROS times (k,) [s].

        Between two commands the arm goes straight. None before the oldest command.
        """
        if not stamps[0] >= self.began:
            return None
        first, last = (
            bisect_right(self._items, stamp - self.lag, key=lambda item: item[0])
            for stamp in (stamps[0], stamps[-1])
        )
        items = [*islice(self._items, max(first - 1, 0), last + 1)]
        times = np.array([time for time, _, _ in items])
        points = np.array([point for _, _, point in items])
        return space.along(times, points, stamps - self.lag)

    def arriving(self, now: float) -> bool:
        """Return whether, after the last command, the arm is still on its way at a ROS time [s]."""
        return bool(self._items) and 0 <= now - self._items[-1][0] < self.lag

    def rested_since(self, stamp: float) -> bool:
        """Return whether the arm is commanded to where it was at a past ROS time [s]."""
        return bool(np.allclose(self.at(stamp), self._items[-1][2], rtol=0, atol=RESTED))

    def path(self) -> tuple[Vector, Vector]:
        """Return the ROS times (k,) [s] of the commanded points, and the last point of each.

        It begins with the first motion of the stream: until then a goal starts where the arm is.
        """
        began = self._items[0][1] if self._items else 0.0
        first = next((i for i, (_, clock, _) in enumerate(self._items) if clock > began), 0)
        if not first:
            return np.zeros(0), np.zeros(0)
        latest = {time: point for time, _, point in islice(self._items, first - 1, None)}
        return np.array([*latest]), np.array([*latest.values()])

    @property
    def passed(self) -> Vector:
        """The commanded point (n,) that a moving arm passes at the last command."""
        return self.at(self._items[-1][0])

    def clock_at(self, stamp: float) -> float:
        """Return the time of the stream [s] at the point of ``at``."""
        return self._item(stamp)[1]

    def _item(self, stamp: float) -> tuple[float, float, Vector]:
        i = bisect_right(self._items, stamp - self.lag, key=lambda item: item[0])
        return self._items[max(i - 1, 0)]
