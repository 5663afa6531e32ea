"""When to stop: patience, deadline and cancellation, decided on the host between iterations."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from wm_planner.config.planners import StoppingSettings
from wm_planner.planning.history import Block
from wm_planner.planning.plan_result import StopReason
from wm_planner.planning.reading import Reading
from wm_planner.planning.ties import Look, Ties


class Patience:
    """Detects for each problem that its cost has stopped falling.

    Improvements of the lowest and of the median cost are measured against the best so far, so that
    a rising cost is none, and relative to its absolute value, so that the sign does not matter.
    Before the first finite cost a problem is never done.

    Attributes:
        stopped_at: Iterations after which each problem was done, None while it is not.
    """

    def __init__(self, settings: StoppingSettings, batch: int) -> None:
        self._settings = settings
        self._reference = [math.inf] * batch, [math.inf] * batch
        self._waited = [0] * batch
        self.stopped_at: list[int | None] = [None] * batch
        self._seen = 0

    def update(self, costs: list[float], typical: list[float], told: list[bool]) -> bool:
        """Take an iteration; return True when all problems are done.

        Args:
            costs: Lowest cost per problem.
            typical: Median cost per problem. While it falls, the search is still getting nearer,
                even if an early candidate was lucky.
            told: Whether the costs told candidates apart. If not, no improvement was to be
                expected, and the iteration does not count as one without.
        """
        self._seen += 1
        for b, both in enumerate(zip(costs, typical, strict=True)):
            improved = [self._improved(b, which, cost) for which, cost in enumerate(both)]
            if any(improved) or math.isinf(costs[b]):
                self._waited[b] = 0
            elif told[b]:
                self._waited[b] += 1
            patience = self._settings.patience
            if patience and self._waited[b] >= patience and self.stopped_at[b] is None:
                self.stopped_at[b] = self._seen
        return all(at is not None for at in self.stopped_at)

    def _improved(self, problem: int, which: int, cost: float) -> bool:
        """Compare a cost with the lowest of its kind so far, and keep it if it is lower."""
        if math.isinf(cost):
            return False
        reference = self._reference[which][problem]
        threshold = self._settings.min_improvement * abs(reference)
        if math.isinf(reference) or reference - cost > threshold:
            self._reference[which][problem] = cost
            return True
        return False


class LastEvaluation:
    """How long the evaluation of the mean takes, which may follow the last iteration.

    It is the longest one of the planner so far, but no more than an iteration, because one
    candidate takes no longer than many. So a first one that compiled something does not count.
    """

    def __init__(self) -> None:
        self._longest: float | None = None

    def expected(self, iteration: float) -> float:
        """Return the time to expect [s], when an iteration takes ``iteration`` [s]."""
        return iteration if self._longest is None else min(self._longest, iteration)

    def measured(self, seconds: float) -> None:
        """Take the time of an evaluation [s]."""
        self._longest = max(self._longest or 0.0, seconds)


class StopMonitor:
    """Decides after each iteration whether to continue.

    On the CPU the costs are read at once, which is free. On CUDA nothing waits for the iteration
    just queued: its costs are copied to pinned memory after it and read when the next one has been
    queued, so that the device never idles. An iteration too many changes no result, because the
    plan of each problem is taken from the iterations up to its own stop.

    Attributes:
        patience: The early stopping of this plan.
        reserved: What must follow the last iteration, if it can still end before the deadline.
    """

    def __init__(
        self,
        settings: StoppingSettings,
        ties: Ties,
        batch: int,
        deadline: float | None,
        cancel: Callable[[], bool] | None,
    ) -> None:
        """Start the clock.

        Args:
            settings: Early stopping.
            ties: Which costs tie.
            batch: Problems.
            deadline: Time of ``time.monotonic()`` by which to have returned [s].
            cancel: Called between iterations; True ends the search.
        """
        self.patience = Patience(settings, batch)
        self._ties = ties
        self.reserved: LastEvaluation | None = None
        self._early = settings.patience > 0
        self._deadline = deadline
        self._cancel = cancel
        self._pending: deque[Reading] = deque()
        self._last = time.monotonic()
        self._longest = 0.0

    def after(
        self, block: Block, calls: range, seen: Sequence[Look | Tensor | None]
    ) -> StopReason | None:
        """Take an iteration; return the reason to stop, or None.

        Args:
            block: Has its costs.
            calls: Which calls of the block it made.
            seen: Per call, what the host saw of the costs. Where it would have to wait for them:
                whether the search learned from them (B, 1, 1), or None: if they tell candidates
                apart.
        """
        converged = False
        if self._early or self._deadline is not None or self._cancel is not None:
            looks = [look for look in seen if isinstance(look, Look)]
            if not looks:
                converged = self._follow(block, calls, seen)
            elif self._early:
                converged = self.patience.update(
                    [min(each) for each in zip(*(look.lowest for look in looks), strict=True)],
                    [min(each) for each in zip(*(look.typical for look in looks), strict=True)],
                    [any(each) for each in zip(*(look.told for look in looks), strict=True)],
                )
        now = time.monotonic()
        self._longest = max(self._longest, now - self._last)
        self._last = now
        if converged:
            return StopReason.CONVERGED
        if self._cancel is not None and self._cancel():
            return StopReason.CANCELED
        if self._deadline is not None and now + self._ahead() > self._deadline:
            return StopReason.DEADLINE
        return None

    def _ahead(self) -> float:
        """Return the time until another iteration would have ended, with what is reserved [s].

        The iterations whose costs have not been read are still on the device's queue.
        """
        reserved = 0.0 if self.reserved is None else self.reserved.expected(self._longest)
        return self._longest * (1 + len(self._pending)) + reserved

    def leaves_time_for(self, last: LastEvaluation) -> bool:
        """Decide whether an evaluation would end before the deadline if it began now."""
        if self._deadline is None:
            return True
        queued = self._longest * len(self._pending)
        return time.monotonic() + queued + last.expected(self._longest) <= self._deadline

    def _follow(self, block: Block, calls: range, seen: Sequence[Any]) -> bool:
        costs = block.costs[calls.start : calls.stop]
        searched = costs[:, :, : block.stage.searching]
        told = [
            self._ties.told_apart(each) if learned is None else learned.flatten()
            for each, learned in zip(searched, seen, strict=True)
        ]
        lowest = costs.amin(dim=(0, 2))
        typical = searched.median(dim=2).values.amin(dim=0)
        any_told = torch.stack(told).any(dim=0).to(lowest)
        self._pending.append(Reading(torch.stack([lowest, typical, any_told])))
        return len(self._pending) >= 2 and self._read()

    def _read(self) -> bool:
        lowest, typical, told = self._pending.popleft().numbers()
        return self.patience.update(lowest, typical, [bool(each) for each in told])

    def finish(self, iterations: int) -> list[int]:
        """Read the remaining costs; return the iterations that count, per problem."""
        while self._early and self._pending:
            self._read()
        return [
            iterations if at is None else min(at, iterations) for at in self.patience.stopped_at
        ]
