"""Which ticks of simulated time are due by the wall clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator

MAX_BACKLOG = 3
"""Most ticks that are caught up after a delay; a longer delay makes simulated time fall behind."""
WAIT = 1.5
"""Longest wait of simulated time for a late command [s of wall time]."""


class Pacing:
    """Lets simulated time pass with the wall clock, and wait for late commands.

    Times named ``now`` are wall time [s].

    Args:
        tick: Wall time between two ticks [s].
        lacks: Returns whether the next tick should wait for a command.
        now: When simulated time begins.
    """

    def __init__(self, tick: float, lacks: Callable[[], bool], now: float) -> None:
        self._tick, self._lacks = tick, lacks
        self._due = now
        self._since: float | None = None  # the beginning of the present wait

    def due(self, now: float) -> Iterator[None]:
        """Yield once for each tick that is due; simulate it before the next."""
        backlog = int((now - self._due) / self._tick) + 1
        if backlog > MAX_BACKLOG:
            self._due, backlog = now, 1
        for _ in range(backlog):
            if self._waits(now):
                self._due = now + self._tick
                return
            self._due += self._tick
            yield

    def _waits(self, now: float) -> bool:
        if not self._lacks():
            self._since = None
            return False
        if self._since is None:
            self._since = now
        return now - self._since < WAIT
