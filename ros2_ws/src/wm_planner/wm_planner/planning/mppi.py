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

    If all candidates of a problem tie, its mean and its width stay.
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
        self._widths = self._first_widths(planned, len(mean)) if widths is None else widths
        self._scale = torch.ones(len(mean), 1, 1, device=self.device)

    def _first_widths(self, planned: int | None, batch: int) -> Tensor:
        width = self.settings.sigma * (1.0 if planned is None else self.settings.warm_sigma)
        return self.bounds.widths(width)

    def _generate(self, block: Block, call: int) -> None:
        width = self._widths * self._scale
        self.bounds.clamp_(torch.addcmul(self._mu, self._z[call], width, out=block.main[call]))

    def _update(self, block: Block, call: int, look: Look | None) -> None:
        candidates, costs = block.main[call], block.main_costs[call]
        gap = costs.amin(dim=1, keepdim=True) - costs
        scale = -gap.kthvalue(self.samples + 1 - self._rank, dim=1, keepdim=True).values
        # Impossible candidates have weight 0, also if there are so many that the scale is infinite.
        scale = (scale * self.settings.temperature).clamp(1e-30, torch.finfo(gap.dtype).max)
        weights = torch.softmax(gap / scale, dim=1).to(candidates.dtype)
        mean = self._mu + torch.bmm(weights.unsqueeze(1), candidates - self._mu)
        narrower = self._scale * self._decay
        if look is None or not all(look.told):
            told = self._told(costs, look)
            mean = torch.where(told, mean, self._mu)
            narrower = torch.where(told, narrower, self._scale)
        self._mu, self._scale = mean, narrower

    def _told(self, costs: Tensor, look: Look | None) -> Tensor:
        """Return whether the costs (B, N) tell candidates apart: (B, 1, 1)."""
        if look is not None:
            return torch.tensor(look.told).view(-1, 1, 1)
        return self._ties.told_apart(costs).view(-1, 1, 1)

    def _state(self) -> tuple[Tensor, ...]:
        return (self._mu,)

    def _restore(self, state: tuple[Tensor, ...]) -> None:
        (self._mu,) = state
