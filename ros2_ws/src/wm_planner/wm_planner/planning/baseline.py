"""Random actions, the baseline for every planner."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.config.planners import RandomSettings, StoppingSettings
from wm_planner.config.presets import SearchSize
from wm_planner.planning.planner import Problem
from wm_planner.planning.solver import Solver


class RandomPlanner(Solver):
    """One candidate of independent Gaussian actions, whatever it costs, clamped to the bounds."""

    mean_counts = "never"

    def __init__(self, problem: Problem, size: SearchSize, settings: RandomSettings) -> None:
        """Build the planner; raises as ``Solver`` does."""
        super().__init__(problem, size, StoppingSettings())
        self.settings = settings

    def _begin(self, batch: int, mean: Tensor, planned: int | None) -> None:
        self._start = torch.zeros_like(mean)

    def _generate(self, iteration: int, out: Tensor) -> None:
        self.bounds.clamp_(out.normal_(std=self.settings.sigma, generator=self._generator))

    def _update(self, iteration: int, candidates: Tensor, costs: Tensor, doubtful: bool) -> None:
        """Do nothing, because there is one iteration."""

    def _state(self) -> tuple[Tensor, ...]:
        return (self._start,)

    def _restore(self, state: tuple[Tensor, ...]) -> None:
        (self._start,) = state
