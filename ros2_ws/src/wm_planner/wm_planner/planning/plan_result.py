"""The result of a search: the actions, their cost, and how the search went."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from torch import Tensor


class StopReason(str, Enum):
    """Why the search ended; ``str`` gives the bare word."""

    __str__ = str.__str__

    ITERATIONS = "iterations"
    """All iterations were done."""
    CONVERGED = "converged"
    """The cost of every problem stopped falling (patience)."""
    DEADLINE = "deadline"
    """The next iteration would have ended after the deadline."""
    CANCELED = "canceled"
    """The caller canceled the search."""


@dataclass(frozen=True)
class Timings:
    """Wall-clock times of one plan [s].

    On CUDA the times of the iterations are those of queueing the work. With a deadline, a patience
    or a cancel function the host follows the device one iteration behind.

    Attributes:
        total: From the call to the return, the device's work included.
        iterations: One per iteration.
    """

    total: float
    iterations: tuple[float, ...]


@dataclass(frozen=True)
class PlanResult:
    """A plan for each of B problems.

    Attributes:
        actions: (B, H, A), inside the bounds, finite, in memory of their own.
        cost: (B,) the cost of exactly these actions, finite; float32, or float64 if the cost
            function returned what float32 would change.
        cost_history: (iterations, B) lowest finite cost of each iteration, inf if there is none.
        iterations: Iterations done.
        stop_reason: Why the search ended.
        timings: Wall-clock times.
        evaluations: Candidates evaluated per problem, the last mean included.
        mean: (B, H, A) mean of the last sampling distribution, clamped to the bounds.
        stopped_at: Iterations that count, per problem: fewer than ``iterations`` if the cost of a
            problem stopped falling earlier than those of the others.
        learned: Per problem, whether the costs told its candidates apart. False: all candidates of
            every iteration tied, so the plan is no better than any other, and should be neither
            followed nor handed on as a warm start. True if there was only one candidate.
        candidates: (B, n, H, A) those of the last iteration that counts, of all its calls, inside
            the bounds. Mostly the memory of the search, so it lives as long as they are kept.
        candidate_costs: (B, n) their costs; inf for impossible ones.
    """

    actions: Tensor
    cost: Tensor
    cost_history: Tensor
    iterations: int
    stop_reason: StopReason
    timings: Timings
    evaluations: int
    mean: Tensor
    stopped_at: tuple[int, ...]
    learned: tuple[bool, ...]
    candidates: Tensor
    candidate_costs: Tensor
