"""Detect that an observation, a measured pose or a plan is overdue."""

from __future__ import annotations

from collections import deque
from statistics import median

from wm_planner.control.status import ErrorCode, Status

FACTOR = 2.5  # times the usual interval is overdue; one lost message is not
MEMORY = 20  # intervals from which the usual one is taken
BURST = 0.01  # [s] events closer together count as one
MIN_SAMPLES = 3  # with fewer intervals nothing is overdue


class LatenessMonitor:
    """Detects that an event is overdue, by the median of its last intervals.

    All times are of the steady clock [s].

    Args:
        patience: No event is overdue before this time has passed.
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._intervals: deque[float] = deque(maxlen=MEMORY)
        self._since: float | None = None

    def expect(self, steady: float) -> None:
        """Expect the event from now on."""
        self._since = steady

    def arrived(self, steady: float) -> None:
        """Learn from the event, and expect no other."""
        if self._since is not None:
            self._intervals.append(steady - self._since)
        self._since = None

    def repeated(self, steady: float) -> None:
        """Learn from a periodic event, and expect the next."""
        if self._since is not None and steady - self._since < BURST:
            return
        self.arrived(steady)
        self.expect(steady)

    def cancel(self) -> None:
        """Expect the event no longer."""
        self._since = None

    def overdue(self, steady: float) -> str:
        """Return for how long the event is overdue, in words, or an empty string."""
        if self._since is None or len(self._intervals) < MIN_SAMPLES:
            return ""
        waited, usual = steady - self._since, median(self._intervals)
        if waited <= max(self.patience, FACTOR * usual):
            return ""
        return f"{waited:.2f} s, usually {usual:.2f} s"


class LoopLateness:
    """The lateness monitors of the three things that the closed loop needs.

    Args:
        patience: See ``LatenessMonitor``.
    """

    def __init__(self, patience: float) -> None:
        self.observations = LatenessMonitor(patience)
        self.poses = LatenessMonitor(patience)
        self.plans = LatenessMonitor(patience)

    def set_patience(self, patience: float) -> None:
        """Use another patience [s]."""
        for monitor in (self.observations, self.poses, self.plans):
            monitor.patience = patience

    def overdue(self, steady: float) -> Status | None:
        """Return why the arm has to hold at this steady time [s], or None."""
        for monitor, code, what in (
            (self.observations, ErrorCode.NO_IMAGE, "no new image to plan from"),
            (self.poses, ErrorCode.NO_POSE, "no new measured pose"),
            (self.plans, ErrorCode.WORKER_LOST, "no plan"),
        ):
            if late := monitor.overdue(steady):
                return Status(code, f"holding: {what} for {late}")
        return None
