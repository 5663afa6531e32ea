"""Model predictive path integral control (Williams et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from wm_planner.planning.draws import KINDS, Draws, rotated
from wm_planner.planning.errors import SettingsError
from wm_planner.planning.planner import Problem
from wm_planner.planning.solver import Solver
from wm_planner.planning.stopping import StoppingSettings


@dataclass(frozen=True)
class MPPISettings:
    """Settings of MPPI.

    Attributes:
        num_samples: Candidates per iteration.
        iterations: Iterations; 1 is the controller of the paper.
        sigma: Standard deviation of the candidates, in the actions' units.
        warm_sigma: The same on a warm start, relative to ``sigma``.
        final_sigma: Width that is left after the last iteration, relative to the first; 1:
            constant, as in the paper.
        temperature: Lambda of the paper, relative to how much worse than the best the candidate at
            ``rank`` is, so that it does not depend on the scale of the cost.
        rank: Rank that sets the temperature, as a fraction of the samples.
        draws: ``"gaussian"`` or ``"mirrored_orthogonal"`` (see ``Draws``).
        stopping: Early stopping.
        chunk: Candidates per call of the cost, None for as many as fit.
        memory_limit: Memory that one call of the cost may take [bytes].
    """

    num_samples: int = 300
    iterations: int = 30
    sigma: float = 1.0
    warm_sigma: float = 0.5
    final_sigma: float = 0.05
    temperature: float = 0.5
    rank: float = 0.1
    draws: str = "mirrored_orthogonal"
    stopping: StoppingSettings = field(default_factory=StoppingSettings)
    chunk: int | None = None
    memory_limit: int | None = None

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            SettingsError: A setting out of range.
        """
        for name in ("sigma", "warm_sigma", "final_sigma", "temperature"):
            if not 0 < getattr(self, name) < float("inf"):
                raise SettingsError(
                    name, f"{getattr(self, name)} is not above 0", "see the default"
                )
        if not 0 < self.rank <= 1:
            raise SettingsError("rank", f"{self.rank} is outside 0 to 1", "0.1 is the default")
        if self.draws not in KINDS:
            raise SettingsError("draws", f"there is no {self.draws!r}", f"choose {KINDS}")


class MPPIPlanner(Solver):
    """The mean moves to the average of the candidates, weighted by exp(-cost / temperature)."""

    def __init__(self, problem: Problem, settings: MPPISettings) -> None:
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
        self._rank = max(1, round(settings.rank * settings.num_samples))
        self._decay = settings.final_sigma ** (1.0 / settings.iterations)
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

    def _begin(self, batch: int, mean: Tensor, planned: int | None) -> None:
        self._z = rotated(*self._draws.next())[:, : self.samples].unbind()
        self._mu = mean
        self._sigma = self.settings.sigma * (1.0 if planned is None else self.settings.warm_sigma)

    def _generate(self, iteration: int, out: Tensor) -> None:
        torch.add(self._mu, self._z[iteration], alpha=self._sigma, out=out)
        self.bounds.clamp_(out)
        self._sigma *= self._decay

    def _update(self, iteration: int, candidates: Tensor, costs: Tensor, doubtful: bool) -> None:
        # Where all costs are inf the gaps are NaN, all weights 0, and the mean stays.
        gap = costs - costs.amin(dim=1, keepdim=True)
        scale = gap.kthvalue(self._rank, dim=1, keepdim=True).values * self.settings.temperature
        weights = torch.exp(-gap / scale.clamp(min=1e-30)).nan_to_num(0.0)
        weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-30)
        self._mu = self._mu + torch.bmm(weights.unsqueeze(1), candidates - self._mu)

    def _state(self) -> tuple[Tensor, ...]:
        return (self._mu,)

    def _restore(self, state: tuple[Tensor, ...]) -> None:
        (self._mu,) = state
