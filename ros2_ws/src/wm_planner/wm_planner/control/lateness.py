"""Judge how late an observation, a measured pose or a plan is, by the spread of what is usual.

An event is late after ``session.overdue_after`` and ``FACTOR`` times the usual interval. From then
on the arm slows down, and it is at rest ``slowing`` later. Usually the event is overdue then, so
that the arm holds until there is a new plan. On a busy machine, however, delays keep occurring: an
event is not overdue before ``JITTER`` times the longest interval that is not rare, and when it
arrives the arm only goes on. (An arm that its limits keep behind its path brakes instead, and goes
on with the next plan.) A few very long intervals change nothing, because the longest of the
last ``SPREAD_MEMORY`` count as rare; and however large the spread, an event is overdue after
``WIDEST`` times the time after which it is late.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from wm_planner.config import Config
from wm_planner.control.error_codes import ErrorCode, Status

FACTOR = 2.5  # usual intervals until an event is late, so that one may be lost
MEMORY = 20  # intervals whose median is the usual one
SPREAD_MEMORY = 200  # intervals whose spread is known
RARE = 0.02  # share of them, at least one, that are rare: the longest
JITTER = 1.5  # times the longest interval that is not rare
WIDEST = 5.0  # times the time after which an event is late: a larger spread does not count
SLOWING = 0.1  # [s] at least, in which the arm comes to rest
BURST = 0.01  # [s] events closer together count as one
MIN_SAMPLES = 3  # with fewer intervals nothing is late


class DelayMonitor:
    """Notices a delay of the node itself, after which messages that seem late may only be unread.

    The executor reads one message of each topic before it calls the same timer again, so after one
    such call the messages count, also if the node is delayed all the time.

    Args:
        longest: Time between two calls [s, steady clock] that is no delay.
    """

    def __init__(self, longest: float) -> None:
        self._longest, self._last, self._unread = longest, -math.inf, False

    def restart(self, steady: float) -> None:
        """Begin to call ``unread`` periodically."""
        self._last, self._unread = steady, False

    def unread(self, steady: float) -> bool:
        """Return whether messages may be unread; called periodically."""
        self._unread = steady - self._last > self._longest and not self._unread
        self._last = steady
        return self._unread


@dataclass
class LateCount:
    """How often an event was late.

    Attributes:
        late: Times that the arm slowed for it.
        overdue: Times out of these that it was overdue, so that the arm held.
        longest: The longest of these waits [s].
    """

    late: int = 0
    overdue: int = 0
    longest: float = 0.0


class LatenessMonitor:
    """Judges how late an event is, from its last intervals.

    All times are of the steady clock [s].

    Args:
        overdue_after: No event is late before this time has passed.
        longest: The spread of the intervals lets no event wait for longer than this.
        slowing: Time in which the arm comes to rest for a late event.

    Attributes:
        goal: How often the event was late since ``restart``.
        total: How often it was late at all.
    """

    def __init__(
        self, overdue_after: float, longest: float = math.inf, slowing: float = SLOWING
    ) -> None:
        self.use(overdue_after, longest, slowing)
        self._intervals: deque[float] = deque(maxlen=SPREAD_MEMORY)
        self._since: float | None = None
        self._level = 0  # of the present wait: 1 if it was late, 2 if it was overdue
        self.goal, self.total = LateCount(), LateCount()

    def use(self, overdue_after: float, longest: float, slowing: float) -> None:
        """Use other settings."""
        self._overdue_after, self._longest = overdue_after, longest
        self._slowing = max(slowing, SLOWING)

    def forget(self) -> None:
        """Forget the usual intervals."""
        self._intervals.clear()
        self.cancel()

    def restart(self) -> None:
        """Count anew for a goal."""
        self.goal, self._level = LateCount(), 0

    def expect(self, steady: float) -> None:
        """Expect the event from now on."""
        self._since, self._level = steady, 0

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

    @property
    def usual(self) -> float:
        """The usual interval [s]; NaN before the first."""
        recent = list(self._intervals)[-MEMORY:]
        return median(recent) if recent else math.nan

    @property
    def _late_after(self) -> float:
        if len(self._intervals) < MIN_SAMPLES:
            return math.inf
        return max(self._overdue_after, FACTOR * self.usual)

    def lateness(self, steady: float) -> float:
        """Return 0 while the event is not late, and then up to 1, when the arm has to rest."""
        if self._since is None or steady - self._since <= self._overdue_after:
            return 0.0
        share = (steady - self._since - self._late_after) / self._slowing
        return min(max(share, 0.0), 1.0)

    def overdue(self, steady: float) -> str:
        """Return how long an overdue event has been expected, or an empty string."""
        if self._since is None or self.lateness(steady) < 1.0:
            return ""
        waited = steady - self._since
        rare = max(int(RARE * len(self._intervals)), 1)
        spread = JITTER * sorted(self._intervals)[-1 - rare]
        if waited <= min(spread, WIDEST * self._late_after, self._longest):
            return ""
        return f"{waited:.2f} s, usually {self.usual:.2f} s"

    def judge(self, steady: float) -> None:
        """Count an event that is late."""
        if self._since is not None and self.lateness(steady) > 0:
            before, self._level = self._level, 2 if self.overdue(steady) else 1
            for count in (self.goal, self.total):
                count.late += before == 0
                count.overdue += before < self._level == 2
                count.longest = max(count.longest, steady - self._since)


class LoopLateness:
    """The lateness monitors of observations, measured poses and plans.

    Args:
        config: All settings.

    Attributes:
        pace: Share of its speed at which the arm may go on, 0 to 1, when last judged.
        held: Why the arm had to hold when last judged; None if it did not.
    """

    def __init__(self, config: Config) -> None:
        self.observations = LatenessMonitor(0.0)
        self.poses = LatenessMonitor(0.0)
        self.plans = LatenessMonitor(0.0)
        self.pace = 1.0
        self.held: Status | None = None
        self.use(config)

    def use(self, config: Config) -> None:
        """Use other settings."""
        session, worker = config.session, config.worker
        self._period = 1 / config.commands.rate
        # Planning in the node's own callbacks delays all messages.
        after = math.inf if worker.mode == "inline" else session.overdue_after
        for monitor, timeout in (
            (self.observations, session.image_timeout),
            (self.poses, session.pose_timeout),
            (self.plans, worker.plan_timeout),
        ):
            monitor.use(after, timeout / 2, config.commands.blend)

    def restart(self) -> None:
        """Count anew for a goal."""
        self.pace, self.held = 1.0, None
        for monitor in (self.observations, self.poses, self.plans):
            monitor.restart()

    def judge(self, steady: float) -> None:
        """Set ``pace`` and ``held``, and count what is late."""
        monitors = (self.observations, self.poses, self.plans)
        for monitor in monitors:
            monitor.judge(steady)
        # The pace of a command counts until the next one.
        self.pace = 1.0 - max(monitor.lateness(steady + self._period) for monitor in monitors)
        self.held = self.overdue(steady)

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

    @property
    def counts(self) -> Mapping[str, LateCount]:
        """How often what was late since the node was configured."""
        return {what: monitor.total for what, monitor in self._monitors()}

    def summary(self) -> str:
        """Return what was late since ``restart``, for the end of a goal; empty if nothing was."""
        parts = []
        for what, monitor in self._monitors():
            count = monitor.goal
            if count.late:
                held = f", {count.overdue} of these until the arm held" if count.overdue else ""
                times = "once" if count.late == 1 else f"{count.late} times"
                parts.append(
                    f"{what} were late {times}{held} (longest {count.longest:.2f} s, usually "
                    f"{monitor.usual:.2f} s)"
                )
        return ", ".join(parts)

    def _monitors(self) -> Iterator[tuple[str, LatenessMonitor]]:
        yield "images", self.observations
        yield "measured poses", self.poses
        yield "plans", self.plans
