"""Whether what comes again and again is late, by how long it usually takes."""

from __future__ import annotations

from collections import deque
from statistics import median

FACTOR = 2.5  # times the usual time is late: one that is lost on the way is not
MEMORY = 20  # times that tell what is usual
BURST = 0.01  # [s] what comes again so soon is one with what came before
FEWEST = 3  # times without which nothing is usual


class LatenessMonitor:
    """Learns how long something usually takes; all times are of the steady clock [s].

    Args:
        least: What takes no longer than this is never late.
    """

    def __init__(self, least: float) -> None:
        self.least = least
        self._times: deque[float] = deque(maxlen=MEMORY)
        self._since: float | None = None

    def begin(self, steady: float) -> None:
        """It is awaited from now on."""
        self._since = steady

    def end(self, steady: float) -> None:
        """It came."""
        if self._since is not None:
            self._times.append(steady - self._since)
        self._since = None

    def again(self, steady: float) -> None:
        """It came, and the next one is awaited."""
        if self._since is not None and steady - self._since < BURST:
            return
        self.end(steady)
        self.begin(steady)

    def drop(self) -> None:
        """It is not awaited any more."""
        self._since = None

    def late(self, steady: float) -> str:
        """How late it is, in words, or an empty string."""
        if self._since is None or len(self._times) < FEWEST:
            return ""
        waited, usual = steady - self._since, median(self._times)
        if waited <= max(self.least, FACTOR * usual):
            return ""
        return f"{waited:.2f} s, usually {usual:.2f} s"
