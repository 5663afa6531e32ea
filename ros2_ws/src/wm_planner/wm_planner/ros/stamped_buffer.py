"""The newest values of a stream, by their stamps; no ROS."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class StampedBuffer(Generic[T]):
    """Remembers the newest values.

    A stamp that goes back clears the buffer: older values belong to another time, e.g. before a
    restart of the simulator.

    Args:
        length: Number of values kept.
    """

    def __init__(self, length: int) -> None:
        self._items: deque[tuple[float, T]] = deque(maxlen=length)

    def add(self, stamp: float, value: T) -> None:
        """Take a value with its stamp [s]."""
        if self._items and stamp < self._items[-1][0]:
            self._items.clear()
        self._items.append((stamp, value))

    def newest_first(self) -> list[tuple[float, T]]:
        """Return stamps [s] and values, the newest first."""
        return list(reversed(self._items))

    def nearest(self, stamp: float) -> tuple[float, T] | None:
        """Return the distance [s] and the value nearest to a stamp; None if there are no values."""
        best: tuple[float, T] | None = None
        for when, value in reversed(self._items):
            distance = abs(when - stamp)
            if best is not None and distance >= best[0]:
                break  # the others are further away
            best = distance, value
        return best
