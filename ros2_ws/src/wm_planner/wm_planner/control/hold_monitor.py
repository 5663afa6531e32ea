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
        self._enabled = False  # when last judged
        self.reason: Status | None = None
        self.count = 0

    def restart(self, steady: float) -> None:
        """Judge anew for a goal, whose arm need not hold yet."""
        self.reason = None
        self._enabled = self._permission.hold(steady) is None
        self._delay.restart(steady)

    def forbids(self, steady: float) -> bool:
        """Return whether a plan may not be followed now."""
        permission = self._permission
        # A node that plans in its own callbacks has not read the button's messages meanwhile.
        enabled = self._enabled and not permission.enabling.released
        if not enabled and permission.hold(steady):
            return True
        return bool(permission.end(steady) or self._lateness.overdue(steady))

    def judge(self, steady: float) -> Status | None:
        """Judge anew; return the reason from before."""
        before, disabled = self.reason, self._permission.hold(steady)
        unread = self._delay.unread(steady)
        if not unread:
            self._lateness.judge(steady)
        # After a delay of the node, the button's messages may only be unread.
        if self._permission.enabling.released or not (unread and self._enabled):
            self._enabled = disabled is None
        self.reason = (None if self._enabled else disabled) or self._lateness.held
        self.count += before is None and self.reason is not None
        return before
