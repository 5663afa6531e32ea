"""Random actions: what any planner has to beat under the same protocol."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from wm_planner.planning.planner import Problem
from wm_planner.planning.solver import Solver
from wm_planner.planning.stopping import StoppingSettings


@dataclass(frozen=True)
class RandomSettings:
    """Settings of the baseline.

    Attributes:
        sigma: Standard deviation of each number, in the actions' own (normalized) units.
        stopping: Unused, as there is one iteration.
    """

    sigma: float = 1.0
    stopping: StoppingSettings = field(default_factory=StoppingSettings)


class RandomPlanner(Solver):
    """One candidate of independent Gaussian actions, whatever it costs, clamped to the bounds."""

    def __init__(self, problem: Problem, settings: RandomSettings) -> None:
        """Build the planner; raises as ``Solver`` does."""
        super().__init__(problem, samples=1, iterations=1, stopping=settings.stopping)
        self.settings = settings

    def _begin(self, batch: int, mean: Tensor, planned: int | None) -> None:
        self._start = torch.zeros_like(mean)

    def _generate(self, iteration: int, out: Tensor) -> None:
        self.bounds.clamp_(out.normal_(std=self.settings.sigma, generator=self._generator))

    def _update(self, iteration: int, candidates: Tensor, costs: Tensor, doubtful: bool) -> None:
        """Learns nothing."""

    def _state(self) -> tuple[Tensor, ...]:
        return (self._start,)

    def _restore(self, state: tuple[Tensor, ...]) -> None:
        (self._start,) = state
