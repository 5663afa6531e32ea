"""Random actions, the baseline for every planner."""

from __future__ import annotations

from torch import Tensor

from wm_planner.config.planners import RandomSettings, StoppingSettings
from wm_planner.config.presets import SearchSize
from wm_planner.planning.history import Block, History
from wm_planner.planning.planner import Problem
from wm_planner.planning.solver import Solver
from wm_planner.planning.ties import Look


class RandomPlanner(Solver):
    """One candidate of independent Gaussian actions, whatever it costs, clamped to the bounds.

    It ignores the warm start. With a prior it draws from the product of both Gaussians.
    """

    mean_counts = "never"

    def __init__(self, problem: Problem, size: SearchSize, settings: RandomSettings) -> None:
        """Build the planner; raises as ``Solver`` does."""
        super().__init__(problem, size, StoppingSettings())
        self.settings = settings

    def _first_mean(self, batch: int, warm_start: Tensor | None) -> tuple[Tensor, int | None]:
        mean, planned = super()._first_mean(batch, warm_start)  # which checks the warm start
        return mean.zero_(), planned

    def _begin(
        self, history: History, mean: Tensor, planned: int | None, widths: Tensor | None
    ) -> None:
        self._mu, self._widths = mean, widths

    def _first_widths(self, planned: int | None, batch: int) -> Tensor:
        return self.bounds.widths(self.settings.sigma)

    def _generate(self, block: Block, call: int) -> None:
        out = block.main[call]
        if self._widths is None:
            out.normal_(std=self.settings.sigma, generator=self._generator)
            if self.bounds.deviation is not None:
                out.mul_(self.bounds.deviation)
        else:
            out.normal_(generator=self._generator).mul_(self._widths).add_(self._mu)
        self.bounds.clamp_(out)

    def _update(self, block: Block, call: int, look: Look | None) -> None:
        """Do nothing, because there is one iteration."""

    def _state(self) -> tuple[Tensor, ...]:
        return (self._mu,)

    def _restore(self, state: tuple[Tensor, ...]) -> None:
        (self._mu,) = state
