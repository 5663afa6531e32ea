"""The cross-entropy method as DINO-WM runs it (``planning/cem.py`` of gaoyuezhou/dino_wm)."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.config.planners import CEMSettings
from wm_planner.config.presets import SearchSize
from wm_planner.planning.history import Block, History
from wm_planner.planning.planner import Problem
from wm_planner.planning.reading import sent
from wm_planner.planning.solver import Solver
from wm_planner.planning.ties import Look


class CEMPlanner(Solver):
    """Mean and deviation per dimension, refitted to the elites of each iteration.

    Without bounds this is exactly DINO-WM's rule: draws of the CPU generator, one
    ``randn(N, H, A)`` per iteration and problem in that order; candidate 0 is the mean; plain mean
    and unbiased deviation of the elites; the deviation starts at ``sigma`` also on a warm start.

    What is added:

    - With bounds, candidates are clamped before they are evaluated.
    - An impossible candidate is no elite: the best candidate takes its place. If all are
      impossible, the deviation stays as it is.
    - The returned mean is evaluated; if it is impossible, the best candidate is returned instead.
      A deadline counts that evaluation, so the last iteration is earlier by it. If there is no time
      for it even so, or after a cancel, the best candidate is returned.
    """

    def __init__(self, problem: Problem, size: SearchSize, settings: CEMSettings) -> None:
        """Build the planner; raises as ``Solver`` does."""
        super().__init__(problem, size, settings, generator_device="cpu")
        self.settings = settings
        self.mean_counts = "never" if settings.returns == "best" else "possible"
        self._elites = size.num_elites or size.num_samples

    def _begin(
        self, history: History, mean: Tensor, planned: int | None, widths: Tensor | None
    ) -> None:
        self._draws = self._draw(len(mean))
        self._mu = mean
        own = self._first_widths(planned, len(mean)) if widths is None else widths
        self._sigma = own.expand_as(mean)

    def _first_widths(self, planned: int | None, batch: int) -> Tensor:
        return self.bounds.widths(self.settings.sigma)

    def _generate(self, block: Block, call: int) -> None:
        out = block.main[call]
        torch.mul(self._draws[call], self._sigma, out=out)
        self.bounds.clamp_(out.add_(self._mu))

    def _update(self, block: Block, call: int, look: Look | None) -> None:
        candidates, costs = block.main[call], block.main_costs[call]
        doubtful = look is None or look.ties
        order = costs.argsort(dim=1)  # as in DINO-WM; topk would break ties differently
        index = order[:, : self._elites]
        if doubtful:
            possible = costs.gather(1, index) < torch.inf
            index = torch.where(possible, index, index[:, :1])
        elites = candidates.gather(1, index.unsqueeze(-1).expand(-1, -1, self.dims))
        deviation = elites.std(dim=1, keepdim=True)
        if doubtful:
            deviation = torch.where(possible[:, :1, None], deviation, self._sigma)
        self._mu, self._sigma = elites.mean(dim=1, keepdim=True), deviation

    def _state(self) -> tuple[Tensor, ...]:
        return (self._mu,)

    def _restore(self, state: tuple[Tensor, ...]) -> None:
        (self._mu,) = state

    def _padding(self) -> str:
        return self.settings.pad

    def _draw(self, batch: int) -> tuple[Tensor, ...]:
        horizon, dims = self.problem.horizon, self.problem.action_dim
        shape = (self.samples, horizon, dims)
        draws = torch.stack(
            [torch.randn(*shape, generator=self._generator) for _ in range(self.iterations * batch)]
        )
        draws[:, 0] = 0.0  # candidate 0 is the mean
        draws = draws.view(self.iterations, batch, self.samples, self.dims)
        return sent(draws, self.device).unbind()
