"""The newest values of a stream, found again by their stamps; no ROS here."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class StampedBuffer(Generic[T]):
    """Remembers what came last.

    A stamp that goes back begins anew: what came before belongs to another time, as when a
    simulator is started again.

    Args:
        length: How many values are kept.
    """

    def __init__(self, length: int) -> None:
        self._items: deque[tuple[float, T]] = deque(maxlen=length)

    def add(self, stamp: float, value: T) -> None:
        """Take a value with its stamp [s]."""
        if self._items and stamp < self._items[-1][0]:
            self._items.clear()
        self._items.append((stamp, value))

    def newest_first(self) -> list[tuple[float, T]]:
        """Stamps [s] and values."""
        return list(reversed(self._items))

    def nearest(self, stamp: float) -> tuple[float, T] | None:
        """How far the nearest value lies from a stamp [s], and the value; None without any."""
        best: tuple[float, T] | None = None
        for when, value in reversed(self._items):
            distance = abs(when - stamp)
            if best is not None and distance >= best[0]:
                break  # it only gets further from here
            best = distance, value
        return best
