"""Detect that an observation, a measured pose or a plan is overdue."""

from __future__ import annotations

from collections import deque
from statistics import median

from wm_planner.control.error_codes import ErrorCode, Status

FACTOR = 2.5  # usual intervals until an event is overdue, so that one may be lost
MEMORY = 20  # intervals whose median is the usual one
BURST = 0.01  # [s] events closer together count as one
MIN_SAMPLES = 3  # with fewer intervals nothing is overdue


class LatenessMonitor:
    """Detects that an event is overdue, from the median of its last intervals.

    All times are of the steady clock [s].

    Args:
        overdue_after: No event is overdue before this time has passed.
    """

    def __init__(self, overdue_after: float) -> None:
        self.overdue_after = overdue_after
        self._intervals: deque[float] = deque(maxlen=MEMORY)
        self._since: float | None = None

    def expect(self, steady: float) -> None:
        """Expect the event from now on."""
        self._since = steady

    def arrived(self, steady: float) -> None:
        """Learn the interval, and stop expecting the event."""
        if self._since is not None:
            self._intervals.append(steady - self._since)
        self._since = None

    def repeated(self, steady: float) -> None:
        """Learn the interval of a periodic event, and expect the next one."""
        if self._since is not None and steady - self._since < BURST:
            return
        self.arrived(steady)
        self.expect(steady)

    def cancel(self) -> None:
        """Stop expecting the event."""
        self._since = None

    def overdue(self, steady: float) -> str:
        """Return how long an overdue event has been expected, or an empty string."""
        if self._since is None or len(self._intervals) < MIN_SAMPLES:
            return ""
        waited, usual = steady - self._since, median(self._intervals)
        if waited <= max(self.overdue_after, FACTOR * usual):
            return ""
        return f"{waited:.2f} s, usually {usual:.2f} s"


class LoopLateness:
    """The lateness monitors of observations, measured poses and plans.

    Args:
        overdue_after: See ``LatenessMonitor`` [s].
    """

    def __init__(self, overdue_after: float) -> None:
        self.observations = LatenessMonitor(overdue_after)
        self.poses = LatenessMonitor(overdue_after)
        self.plans = LatenessMonitor(overdue_after)

    def set_overdue_after(self, overdue_after: float) -> None:
        """Use another ``overdue_after`` [s]."""
        for monitor in (self.observations, self.poses, self.plans):
            monitor.overdue_after = overdue_after

    def forget_plans(self) -> None:
        """Forget how long plans usually take."""
        self.plans = LatenessMonitor(self.plans.overdue_after)

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
