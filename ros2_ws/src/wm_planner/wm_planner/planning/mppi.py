"""Model predictive path integral control (Williams et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.config.planners import MPPISettings
from wm_planner.config.presets import SearchSize
from wm_planner.planning.draws import Draws, rotated
from wm_planner.planning.history import Block, History
from wm_planner.planning.planner import Problem
from wm_planner.planning.solver import Solver
from wm_planner.planning.ties import Look


class MPPIPlanner(Solver):
    """The mean moves to the average of the candidates, weighted by exp(-cost / temperature).

    The controller of the paper has one iteration and a constant width. The temperature (the paper's
    lambda) is relative to how much the candidate at ``rank`` costs above the best one, so that it
    does not depend on the scale of the cost.
    """

    def __init__(self, problem: Problem, size: SearchSize, settings: MPPISettings) -> None:
        """Build the planner; raises as ``Solver`` does."""
        super().__init__(problem, size, settings)
        self.settings = settings
        self._rank = max(1, round(settings.rank * self.samples))
        self._decay = settings.final_sigma ** (1.0 / self.iterations)
        self._design()

    def reset(self) -> None:
        """See ``Planner.reset``."""
        super().reset()
        self._design()

    def _design(self) -> None:
        self._draws = Draws(
            self.settings.draws,
            iterations=self.iterations,
            samples=self.samples,
            dims=self.dims,
            generator=self._generator,
        )

    def _begin(
        self, history: History, mean: Tensor, planned: int | None, widths: Tensor | None
    ) -> None:
        self._z = rotated(*self._draws.next()).unbind()
        self._mu = mean
        self._widths = self._first_widths(planned) if widths is None else widths
        self._scale = 1.0

    def _first_widths(self, planned: int | None) -> Tensor:
        width = self.settings.sigma * (1.0 if planned is None else self.settings.warm_sigma)
        return torch.full((self.dims,), width, device=self.device)

    def _generate(self, block: Block, call: int) -> None:
        out = block.main[call]
        z, scale = self._z[call], self._scale
        torch.addcmul(self._mu, z, self._widths, value=scale, out=out)
        self.bounds.clamp_(out)
        self._scale *= self._decay

    def _update(self, block: Block, call: int, look: Look | None) -> None:
        candidates, costs = block.main[call], block.main_costs[call]
        # If all costs are inf, the gaps are NaN, all weights are 0 and the mean stays.
        gap = costs - costs.amin(dim=1, keepdim=True)
        scale = gap.kthvalue(self._rank, dim=1, keepdim=True).values * self.settings.temperature
        weights = torch.exp(-gap / scale.clamp(min=1e-30)).nan_to_num(0.0)
        weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-30)
        weights = weights.to(candidates.dtype)
        self._mu = self._mu + torch.bmm(weights.unsqueeze(1), candidates - self._mu)

    def _state(self) -> tuple[Tensor, ...]:
        return (self._mu,)

    def _restore(self, state: tuple[Tensor, ...]) -> None:
        (self._mu,) = state
