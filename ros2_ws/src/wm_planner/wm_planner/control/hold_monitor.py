"""What the arm holds for: an operator who does not enable it, or something overdue."""

from __future__ import annotations

from wm_planner.control.error_codes import Status
from wm_planner.control.lateness import DelayMonitor, LoopLateness
from wm_planner.control.permission import Permission


class HoldMonitor:
    """Judges at the command rate whether the arm has to hold.

    Times are of the steady clock [s].

    Args:
        permission: Says whether the arm may move.
        lateness: Says what is overdue.
        longest: Time between two calls of ``judge`` that is no delay of the node.

    Attributes:
        reason: What the arm holds for; None if it need not.
        count: How often the arm had to hold.
    """

    def __init__(self, permission: Permission, lateness: LoopLateness, longest: float) -> None:
        self._permission, self._lateness = permission, lateness
        self._delay = DelayMonitor(longest)
        self.reason: Status | None = None
        self.count = 0

    def forbids(self, steady: float) -> bool:
        """Return whether a plan may not be followed now."""
        enabled = self._permission.hold(steady, unread=True) is None
        return not enabled or self._lateness.overdue(steady) is not None

    def judge(self, steady: float) -> Status | None:
        """Judge anew; return the status from before."""
        before = self.reason
        unread = self._delay.unread(steady)
        if not unread:
            self._lateness.judge(steady)
        self.reason = self._permission.hold(steady, unread=unread) or self._lateness.held
        self.count += before is None and self.reason is not None
        return before
