"""Descent along the gradient of the cost."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from wm_planner.planning.chunks import CostFn
from wm_planner.planning.errors import GradientError, SettingsError
from wm_planner.planning.planner import Problem
from wm_planner.planning.solver import Solver
from wm_planner.planning.stopping import StoppingSettings


@dataclass(frozen=True)
class GradientSettings:
    """Settings of the descent. DINO-WM has one too (``planning/gd.py``): plain SGD with noise.

    Attributes:
        num_samples: Plans that descend side by side.
        iterations: Steps; each costs a forward and a backward pass.
        sigma: Deviation of the first plans from the mean [the actions' units]; the first one is
            the mean itself.
        learning_rate: Step of Adam (Kingma and Ba 2015), in the actions' units.
        final_rate: Step at the end, relative to the first; it falls geometrically.
        stopping: Early stopping.
        chunk: Plans per call of the cost, None for as many as fit.
        memory_limit: Memory that one call of the cost may take [bytes].
    """

    num_samples: int = 8
    iterations: int = 100
    sigma: float = 1.0
    learning_rate: float = 0.1
    final_rate: float = 0.1
    stopping: StoppingSettings = field(default_factory=StoppingSettings)
    chunk: int | None = None
    memory_limit: int | None = None

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            SettingsError: A setting out of range.
        """
        if not 0 <= self.sigma < float("inf"):
            raise SettingsError("sigma", f"{self.sigma} is below 0", "see the default")
        for name in ("learning_rate", "final_rate"):
            if not 0 < getattr(self, name) < float("inf"):
                raise SettingsError(
                    name, f"{getattr(self, name)} is not above 0", "see the default"
                )


class GradientPlanner(Solver):
    """Adam on several plans at once, projected onto the bounds; the best plan met is returned.

    The cost must be differentiable with respect to the actions and made outside of
    ``torch.inference_mode`` (what it keeps, a latent for example, must allow autograd).
    """

    _DECAYS = (0.9, 0.999)

    def __init__(self, problem: Problem, settings: GradientSettings) -> None:
        """Build the planner; raises as ``Solver`` does."""
        super().__init__(
            problem,
            samples=settings.num_samples,
            iterations=settings.iterations,
            stopping=settings.stopping,
            chunk=settings.chunk,
            memory_limit=settings.memory_limit,
        )
        self.settings = settings

    def _begin(self, batch: int, mean: Tensor, planned: int | None) -> None:
        z = torch.randn(self.samples, self.dims, generator=self._generator, device=self.device)
        z[0] = 0.0
        self._plans = self.bounds.clamp_(mean + self.settings.sigma * z)
        self._first = torch.zeros_like(self._plans)
        self._second = torch.zeros_like(self._plans)

    def _generate(self, iteration: int, out: Tensor) -> None:
        out.copy_(self._plans)

    def _score(self, cost: CostFn, actions: Tensor, out: Tensor) -> Tensor:
        slopes = torch.zeros_like(actions)

        def differentiated(part: Tensor) -> Tensor:
            with torch.inference_mode(False), torch.enable_grad():
                leaf = part.clone().requires_grad_()
                values = cost(leaf)
                try:
                    (slope,) = torch.autograd.grad(values.sum(), leaf)
                except RuntimeError as error:
                    raise GradientError(str(error)) from error
            first = (part.storage_offset() - actions.storage_offset()) // self.dims
            slopes[:, first : first + part.shape[1]] = slope
            return values.detach()

        costs = super()._score(differentiated, actions, out)
        self._slope = slopes.flatten(-2).nan_to_num(0.0, 0.0, 0.0)
        return costs

    def _update(self, iteration: int, candidates: Tensor, costs: Tensor, doubtful: bool) -> None:
        settings, (a, b) = self.settings, self._DECAYS
        self._first = torch.lerp(self._slope, self._first, a)
        self._second = torch.lerp(self._slope.square(), self._second, b)
        rate = settings.learning_rate * settings.final_rate ** (iteration / settings.iterations)
        scale = (self._second / (1 - b ** (iteration + 1))).sqrt_().add_(1e-12)
        step = self._first / scale * (rate / (1 - a ** (iteration + 1)))
        self._plans = self.bounds.clamp_(self._plans - step)

    def _state(self) -> tuple[Tensor, ...]:
        return (self._plans[:, :1],)

    def _restore(self, state: tuple[Tensor, ...]) -> None:
        self._plans = state[0]
