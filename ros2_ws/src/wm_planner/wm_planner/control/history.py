"""Where the arm was told to be, and the clock of the stream, by ROS time."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

from wm_planner.types import Vector

LENGTH = 10.0  # [s] how far back commands are remembered


class CommandHistory:
    """Remembers commanded points for ``LENGTH`` seconds of ROS time.

    Args:
        lag: How much later than commanded the arm is at a point [s].
    """

    def __init__(self, lag: float = 0.0) -> None:
        self._lag = lag
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
    def passed(self) -> Vector:
        """The commanded point (n,) that a moving arm passes at the last command."""
        return self.at(self._items[-1][0])

    def clock_at(self, stamp: float) -> float:
        """Return the time of the stream [s] at the point of ``at``."""
        return self._item(stamp)[1]

    def _item(self, stamp: float) -> tuple[float, float, Vector]:
        i = bisect_right(self._items, stamp - self._lag, key=lambda item: item[0])
        return self._items[max(i - 1, 0)]
