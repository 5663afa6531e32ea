"""The cross-entropy method as DINO-WM runs it (``planning/cem.py`` of gaoyuezhou/dino_wm)."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from wm_planner.planning.chunks import CostFn
from wm_planner.planning.errors import SettingsError
from wm_planner.planning.planner import Problem
from wm_planner.planning.solver import Solver
from wm_planner.planning.stopping import StoppingSettings


@dataclass(frozen=True)
class CEMSettings:
    """Settings of the plain rule; the defaults are DINO-WM's (``conf/planner/cem.yaml``).

    Attributes:
        num_samples: Candidates per iteration.
        num_elites: Candidates that the next distribution is made of (``topk``).
        iterations: Iterations (``opt_steps``).
        sigma: First standard deviation (``var_scale``, which is a deviation despite its name).
        returns: ``"mean"``, as DINO-WM, or ``"best"``, the best candidate evaluated.
        pad: How a short warm start is filled up: ``"zero"``, as DINO-WM, or ``"repeat"``.
        stopping: Early stopping; DINO-WM has none.
        chunk: Candidates per call of the cost, None for as many as fit.
        memory_limit: Memory that one call of the cost may take [bytes].
    """

    num_samples: int = 300
    num_elites: int = 30
    iterations: int = 30
    sigma: float = 1.0
    returns: str = "mean"
    pad: str = "zero"
    stopping: StoppingSettings = field(default_factory=lambda: StoppingSettings(patience=None))
    chunk: int | None = None
    memory_limit: int | None = None

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            SettingsError: A setting out of range.
        """
        if not 2 <= self.num_elites <= self.num_samples:
            raise SettingsError(
                "num_elites",
                f"{self.num_elites} of {self.num_samples} samples",
                "take at least 2, for a deviation, and no more than num_samples",
            )
        if not 0 < self.sigma < float("inf"):
            raise SettingsError("sigma", f"{self.sigma} is not above 0", "1 is DINO-WM's")
        if self.returns not in ("mean", "best"):
            raise SettingsError("returns", f"there is no {self.returns!r}", "choose mean or best")
        if self.pad not in ("zero", "repeat"):
            raise SettingsError("pad", f"there is no {self.pad!r}", "choose zero or repeat")


class CEMPlanner(Solver):
    """Mean and deviation per dimension, refitted to the elites of each iteration.

    Without bounds this is DINO-WM's rule to the letter: draws of the CPU generator, one
    ``randn(N, H, A)`` per iteration and problem in that order; candidate 0 is the mean; plain mean
    and unbiased deviation of the elites; the deviation starts at ``sigma`` also on a warm start.
    Beyond it: with bounds, candidates are clamped before they are evaluated; an impossible
    candidate is no elite (the best one stands in for it; where all are impossible the deviation is
    kept); the returned mean is evaluated, and where it is impossible the best candidate is taken.
    """

    def __init__(self, problem: Problem, settings: CEMSettings) -> None:
        """Build the planner; raises as ``Solver`` does."""
        super().__init__(
            problem,
            samples=settings.num_samples,
            iterations=settings.iterations,
            stopping=settings.stopping,
            chunk=settings.chunk,
            memory_limit=settings.memory_limit,
            generator_device="cpu",
        )
        self.settings = settings

    def _begin(self, batch: int, mean: Tensor, planned: int | None) -> None:
        self._draws = self._draw(batch)
        self._mu = mean
        self._sigma = torch.full_like(mean, self.settings.sigma)

    def _generate(self, iteration: int, out: Tensor) -> None:
        torch.mul(self._draws[iteration], self._sigma, out=out)
        self.bounds.clamp_(out.add_(self._mu))

    def _update(self, iteration: int, candidates: Tensor, costs: Tensor, doubtful: bool) -> None:
        count = self.settings.num_elites
        order = costs.argsort(dim=1)  # as DINO-WM: topk breaks ties differently
        index = order[:, :count]
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

    def _choose(self, cost: CostFn, actions: Tensor, value: Tensor) -> tuple[Tensor, Tensor, int]:
        if self.settings.returns == "best":
            return actions, value, 0
        mean = self._shaped(self._mu)
        mean_value = self._score(cost, mean.unsqueeze(1), value.new_empty(len(value), 1)).squeeze(1)
        possible = mean_value < torch.inf
        chosen = torch.where(possible[:, None, None], mean, actions)
        return chosen, torch.where(possible, mean_value, value), 1

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
        return draws.to(self.device).unbind()
