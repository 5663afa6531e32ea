"""The clock of the command stream."""

from __future__ import annotations

MAX_PERIODS = 2.0  # command periods by which the stream advances at most after a delay
MAX_CLOCK_STALL = 0.1  # [s] tolerated stall of ROS time while the arm moves (/clock at 10 Hz)


class StreamClock:
    """The time of the stream, which stands still while no commands are sent.

    So the arm continues from where it was after a delay of the node. ROS time may come in steps
    longer than the period of the commands, or stand still for a while.

    Args:
        period: Time between two commands [s].

    Attributes:
        time: Time of the stream at the last command [s].
    """

    def __init__(self, period: float) -> None:
        self.period = period
        self.restart(0.0)

    def restart(self, now: float) -> None:
        """Begin at 0 at a ROS time [s]."""
        self.time, self._now, self._ticks = 0.0, now, 0

    def begin(self, now: float) -> None:
        """Take a ROS time [s] as that of the last command; the time of the stream goes on."""
        self._now = now

    def advance(self, passed: float, now: float) -> None:
        """Take a command at a ROS time, by which the stream has advanced by ``passed`` [s]."""
        self.time += passed
        if now > self._now:
            self._ticks = 0
        self._now = now

    def tick(self, now: float) -> float:
        """Return the time for which a command is due [s]; 0 or less if ROS time stands still."""
        self._ticks += 1
        return min(now - self._now, self._longest(self._ticks))

    def since(self, now: float) -> float:
        """Return the time for which a command would be due now [s], at least 0."""
        return max(min(now - self._now, self._longest(self._ticks + 1)), 0.0)

    @property
    def behind(self) -> float:
        """For how long commands were due while ROS time stood still [s]."""
        return self._ticks * self.period

    def _longest(self, ticks: int) -> float:
        """Return the longest time by which a command may advance the stream [s]."""
        longest = MAX_PERIODS * self.period
        return max(longest, min(longest * ticks, MAX_CLOCK_STALL))
