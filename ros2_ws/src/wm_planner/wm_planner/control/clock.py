"""Detect that ROS time stands still, jumps back or starts."""

from __future__ import annotations

import math

ROUNDING = 0.001  # [s] ROS time may go back this far without a jump
MAX_FUTURE = 0.5  # [s] a stamp further ahead of ROS time belongs to another clock


class ClockMonitor:
    """Compares ROS time with the steady clock.

    Args:
        max_stall: How long ROS time may stand still [s].

    Attributes:
        problem: A sentence if ROS time stands still, else an empty string.
    """

    def __init__(self, max_stall: float) -> None:
        self.max_stall = max_stall
        self.problem = ""
        self._now = -math.inf
        self._changed = -math.inf, -math.inf  # newest ROS time; steady time of its change

    def restart(self, now: float, steady: float) -> None:
        """Start watching at this ROS time and steady time [s]."""
        self._now, self._changed = now, (now, steady)

    def watch(self, now: float, steady: float) -> None:
        """Update ``problem``; both times in seconds."""
        if now != self._changed[0]:
            self._changed = now, steady
        stall = steady - self._changed[1]
        self.problem = ""
        if stall > self.max_stall:
            self.problem = (
                f"ROS time has stood still for {stall:.1f} s: is the simulator running, and is "
                "/clock published?"
            )

    def jump(self, now: float) -> float:
        """Return by how much ROS time has gone back since the last call [s]; 0 if it has not.

        The result is infinite if ROS time has just started; before the first ``/clock`` it is 0.
        """
        before, self._now = self._now, now
        if before == 0 < now:
            return math.inf
        return before - now if before - now > ROUNDING else 0.0
