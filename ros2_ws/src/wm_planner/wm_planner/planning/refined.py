"""A search, then a descent from the plan that it found."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from wm_planner.config.planners import AdaptiveCEMSettings, GradientSettings, RefinedSettings
from wm_planner.config.presets import SearchSize
from wm_planner.planning.adaptive_cem import AdaptiveCEMPlanner
from wm_planner.planning.chunks import CostFn
from wm_planner.planning.gradient import GradientPlanner
from wm_planner.planning.plan_result import PlanResult, StopReason, Timings
from wm_planner.planning.planner import Planner, Problem
from wm_planner.planning.prior import Prior


class RefinedPlanner(Planner):
    """CEM refined by gradient steps (Bharadhwaj et al. 2020; CEM-GD: Huang et al. 2021).

    A descent has at least one iteration, so it begins only if the deadline leaves time for one: as
    long as the median one of the descent before, at first as the longest one of the search.
    """

    def __init__(
        self,
        problem: Problem,
        size: SearchSize,
        settings: RefinedSettings,
        search: AdaptiveCEMSettings,
        descent: GradientSettings,
    ) -> None:
        """Build both planners; raises as ``Solver`` does.

        Args:
            problem: What to plan for.
            size: Only ``chunk`` and ``memory_limit`` count.
            settings: Sizes of both planners, and settings of the descent that differ.
            search: Settings of the search.
            descent: Settings of the descent.
        """
        self.problem = problem
        search_size = replace(
            size, num_samples=settings.search_samples, iterations=settings.search_iterations
        )
        descent_size = replace(
            size, num_samples=settings.descent_samples, iterations=settings.descent_iterations
        )
        descent = replace(
            descent, sigma=settings.descent_sigma, learning_rate=settings.descent_learning_rate
        )
        self._search = AdaptiveCEMPlanner(problem, search_size, search)
        self._descent = GradientPlanner(problem, descent_size, descent)
        self._step: float | None = None

    @property
    def call_sizes(self) -> set[int]:
        """See ``Planner``."""
        return self._search.call_sizes | self._descent.call_sizes

    def reset(self) -> None:
        """See ``Planner.reset``."""
        self._step = None
        self._search.reset()
        self._descent.reset()

    def plan(
        self,
        cost: CostFn,
        *,
        batch: int = 1,
        warm_start: Tensor | None = None,
        prior: Prior | None = None,
        deadline: float | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> PlanResult:
        """Plan for ``batch`` problems at once; see ``Planner.plan``."""
        found = self._search.plan(
            cost,
            batch=batch,
            warm_start=warm_start,
            prior=prior,
            deadline=deadline,
            cancel=cancel,
        )
        over = found.stop_reason in (StopReason.DEADLINE, StopReason.CANCELED)
        if over or (cancel is not None and cancel()):
            return found
        step = max(found.timings.iterations) if self._step is None else self._step
        if deadline is not None and time.monotonic() + step > deadline:
            return replace(found, stop_reason=StopReason.DEADLINE)
        # The first candidate of the descent is the search's plan, so the best is never worse.
        better = self._descent.plan(
            cost, batch=batch, warm_start=found.actions, deadline=deadline, cancel=cancel
        )
        self._step = statistics.median(better.timings.iterations)
        return replace(
            better,
            cost_history=torch.cat([found.cost_history, better.cost_history]),
            iterations=found.iterations + better.iterations,
            timings=Timings(
                found.timings.total + better.timings.total,
                found.timings.iterations + better.timings.iterations,
            ),
            evaluations=found.evaluations + better.evaluations,
            stopped_at=tuple(found.iterations + at for at in better.stopped_at),
            learned=tuple(a or b for a, b in zip(found.learned, better.learned, strict=True)),
        )
