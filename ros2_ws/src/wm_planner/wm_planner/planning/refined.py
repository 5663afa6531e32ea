"""A search, then a descent from what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from wm_planner.planning.adaptive_cem import AdaptiveCEMPlanner
from wm_planner.planning.adaptive_settings import AdaptiveCEMSettings
from wm_planner.planning.chunks import CostFn
from wm_planner.planning.gradient import GradientPlanner, GradientSettings
from wm_planner.planning.planner import Planner, Problem
from wm_planner.planning.result import PlanResult, StopReason, Timings


@dataclass(frozen=True)
class RefinedSettings:
    """A search and the descent from its result.

    Attributes:
        search: Settings of the search.
        descent: Settings of the descent; its ``sigma`` spreads the plans around the search's.
    """

    search: AdaptiveCEMSettings = field(
        default_factory=lambda: AdaptiveCEMSettings(num_samples=128, iterations=5)
    )
    descent: GradientSettings = field(
        default_factory=lambda: GradientSettings(
            num_samples=4, iterations=30, sigma=0.05, learning_rate=0.05
        )
    )


class RefinedPlanner(Planner):
    """CEM refined by gradient steps (Bharadhwaj et al. 2020; CEM-GD: Huang et al. 2021)."""

    def __init__(self, problem: Problem, settings: RefinedSettings) -> None:
        """Build both; raises as ``Solver`` does."""
        self.problem, self.settings = problem, settings
        self._search = AdaptiveCEMPlanner(problem, settings.search)
        self._descent = GradientPlanner(problem, settings.descent)

    def reset(self) -> None:
        """See ``Planner.reset``."""
        self._search.reset()
        self._descent.reset()

    def plan(
        self,
        cost: CostFn,
        *,
        batch: int = 1,
        warm_start: Tensor | None = None,
        deadline: float | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> PlanResult:
        """Plan for ``batch`` problems at once; see ``Planner.plan``."""
        found = self._search.plan(
            cost, batch=batch, warm_start=warm_start, deadline=deadline, cancel=cancel
        )
        over = found.stop_reason in (StopReason.DEADLINE, StopReason.CANCELED)
        if over or (cancel is not None and cancel()):
            return found
        # The descent's first plan is the search's, so that its best is never worse.
        better = self._descent.plan(
            cost, batch=batch, warm_start=found.actions, deadline=deadline, cancel=cancel
        )
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
        )
