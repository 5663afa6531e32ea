"""Descent along the gradient of the cost."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.config.planners import GradientSettings
from wm_planner.config.presets import SearchSize
from wm_planner.explain import of_memory
from wm_planner.planning.costs import CostFn, Place, checked
from wm_planner.planning.errors import GradientError
from wm_planner.planning.history import Block, History
from wm_planner.planning.planner import Problem
from wm_planner.planning.solver import Solver
from wm_planner.planning.ties import Look


class GradientPlanner(Solver):
    """Adam (Kingma and Ba 2015) on several plans at once; returns the best plan evaluated.

    The first plan starts at the mean, the others around it; all are kept inside the bounds. The
    step falls geometrically. DINO-WM has a descent too (``planning/gd.py``): plain SGD with noise.

    The cost must be differentiable with respect to the actions. What it uses, e.g. a latent, must
    have been computed outside of ``torch.inference_mode``.
    """

    mean_counts = "never"  # the first plan is a candidate
    compares = False
    _DECAYS = (0.9, 0.999)

    def __init__(self, problem: Problem, size: SearchSize, settings: GradientSettings) -> None:
        """Build the planner; raises as ``Solver`` does."""
        super().__init__(problem, size, settings)
        self.settings = settings

    def _begin(
        self, history: History, mean: Tensor, planned: int | None, widths: Tensor | None
    ) -> None:
        z = torch.randn(self.samples, self.dims, generator=self._generator, device=self.device)
        z[0] = 0.0
        own = self._first_widths(planned, len(mean)) if widths is None else widths
        self._plans = self.bounds.clamp_(mean + own * z)
        self._first = torch.zeros_like(self._plans)
        self._second = torch.zeros_like(self._plans)

    def _first_widths(self, planned: int | None, batch: int) -> Tensor:
        return self.bounds.widths(self.settings.sigma)

    def _guarded(self, cost: CostFn) -> CostFn:
        return cost  # gets a copy anyway, see _score

    def _generate(self, block: Block, call: int) -> None:
        block.main[call].copy_(self._plans)

    def _score(self, cost: CostFn, actions: Tensor, place: Place | None) -> Tensor:
        slopes = torch.zeros_like(actions)

        def differentiated(part: Tensor) -> Tensor:
            with torch.inference_mode(False), torch.enable_grad():
                leaf = part.clone().requires_grad_()
                values = checked(cost(leaf), part)
                try:
                    (slope,) = torch.autograd.grad(values.sum(), leaf)
                except RuntimeError as error:
                    if of_memory(error):
                        raise
                    raise GradientError(str(error)) from error
            first = (part.storage_offset() - actions.storage_offset()) // self.dims
            slopes[:, first : first + part.shape[1]] = slope
            return values.detach()

        costs = super()._score(differentiated, actions, place)
        self._slope = slopes.flatten(-2).nan_to_num(0.0, 0.0, 0.0)
        return costs

    def _update(self, block: Block, call: int, look: Look | None) -> None:
        settings, (a, b) = self.settings, self._DECAYS
        self._first = torch.lerp(self._slope, self._first, a)
        self._second = torch.lerp(self._slope.square(), self._second, b)
        rate = settings.learning_rate * settings.final_rate ** (call / self.iterations)
        scale = (self._second / (1 - b ** (call + 1))).sqrt_().add_(1e-12)
        step = self._first / scale * (rate / (1 - a ** (call + 1)))
        self._plans = self.bounds.clamp_(self._plans - step)

    def _state(self) -> tuple[Tensor, ...]:
        return (self._plans[:, :1],)

    def _restore(self, state: tuple[Tensor, ...]) -> None:
        self._plans = state[0]
