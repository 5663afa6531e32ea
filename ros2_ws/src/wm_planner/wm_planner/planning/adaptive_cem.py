"""The default planner: a cross-entropy method that learns which directions matter."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.config.planners import AdaptiveCEMSettings
from wm_planner.config.presets import SearchSize
from wm_planner.planning.draws import Draws, color_factor
from wm_planner.planning.planner import Problem
from wm_planner.planning.schedule import Schedule
from wm_planner.planning.solver import Solver
from wm_planner.planning.weights import log_rank


class AdaptiveCEMPlanner(Solver):
    """Candidates are mean + width * draw @ factor; mean and factor follow those of low cost.

    Per iteration, with z the draws sorted by the cost of their candidates and w, v weights by rank:

        mean   <- mean + width * (sum w z) factor + momentum * last step
        factor <- (1 - r/2) factor + r/2 (sum v z z') factor

    The second line moves factor' factor, the covariance, toward that of the good candidates at a
    rate of r, without any decomposition (rank-mu update of CMA-ES in the form of MA-ES: Beyer and
    Sendhoff 2017). The width follows a schedule. The momentum is Polyak's heavy ball; that of
    TD-MPC and iCEM slows the mean down instead, because it averages. The rotation of the draws is
    multiplied into the first factor, where it costs nothing. Draw 0 of the first iteration is zero,
    so that the mean (on a warm start the shifted previous plan) is itself a candidate. The best
    plan evaluated is returned.
    """

    def __init__(self, problem: Problem, size: SearchSize, settings: AdaptiveCEMSettings) -> None:
        """Build the planner; raises as ``Solver`` does."""
        super().__init__(problem, size, settings)
        self.settings = settings
        self._schedule = schedule = Schedule(size, settings)
        n = self.samples
        pull = log_rank(n, schedule.elites, settings.repulsion)
        shape = log_rank(n, schedule.shapers)
        self._widths_over_time = [schedule.width(i) for i in range(self.iterations)]
        scales = torch.tensor(self._widths_over_time, device=self.device).view(-1, 1, 1, 1)
        # Two equal rows, because a product with one row would round differently for one problem
        # than for several, and a problem must get the same plan in any batch.
        self._pull = (scales * pull.to(self.device)).expand(-1, 1, 2, n).contiguous()
        self._shape = shape.to(self.device).view(1, n, 1)
        self._eye = torch.eye(self.dims, device=self.device)
        self._learn = torch.compile(self._step, fullgraph=True) if settings.compile else self._step
        self._start()

    def reset(self) -> None:
        """See ``Planner.reset``."""
        super().reset()
        self._start()

    def _start(self) -> None:
        problem, settings = self.problem, self.settings
        self._draws = Draws(
            settings.draws,
            iterations=self.iterations,
            samples=self.samples,
            dims=self.dims,
            generator=self._generator,
        )
        self._design: Tensor | None = None
        self._batch = 0
        self._sigma = self.bounds.sigma(settings.sigma, settings.box_fraction)
        over_time = color_factor(settings.color, problem.horizon).to(self.device)
        eye = torch.eye(problem.action_dim, device=self.device)
        self._unit_factor = torch.kron(over_time, eye)
        self._widths = self._sigma
        self._factor = torch.empty(0, self.dims, self.dims, device=self.device)

    def _begin(self, batch: int, mean: Tensor, planned: int | None, widths: Tensor | None) -> None:
        draws, rotation = self._draws.next()
        if draws is not self._design or batch != self._batch:
            self._design, self._batch = draws, batch
            self._z = draws.unbind()
            spread = draws[:, None, : self.samples].expand(-1, batch, -1, -1)
            self._spread = spread.unbind()
            self._pulls = self._pull.expand(-1, batch, -1, -1).unbind()
        self._rate = self._schedule.rate(self.dims, warm=planned is not None)
        self._pair = mean.repeat(1, 2, 1)
        self._center = self._pair[:, :1]
        self._velocity = torch.zeros_like(self._pair)
        factor = self._first_factor(batch, planned, widths)
        if rotation is not None:
            factor = torch.bmm(rotation.expand(batch, -1, -1), factor)
        self._factor = factor

    def _generate(self, iteration: int, out: Tensor) -> None:
        width = self._widths_over_time[iteration]
        torch.baddbmm(self._center, self._spread[iteration], self._factor, alpha=width, out=out)
        self.bounds.clamp_(out)

    def _update(self, iteration: int, candidates: Tensor, costs: Tensor, doubtful: bool) -> None:
        self._factor = self._learn(
            self._z[iteration],
            self._pulls[iteration],
            costs,
            (self._pair, self._velocity, self._factor),
            self._rate / 2,
            doubtful,
        )

    def _step(
        self,
        z: Tensor,
        weights: Tensor,
        costs: Tensor,
        state: tuple[Tensor, Tensor, Tensor],
        rate: float,
        doubtful: bool,
    ) -> Tensor:
        """Apply the two lines of the class docstring, without waiting for the device.

        Moves the mean and the last step in place, and returns the new factor.
        """
        mean, last, factor = state
        index = costs.argsort(dim=1)
        if doubtful:  # impossible candidates get the draw of zeros
            index = index.masked_fill(costs.gather(1, index) == torch.inf, self.samples)
        z_sorted = torch.embedding(z, index)
        pull = torch.bmm(weights, z_sorted)
        second = torch.bmm((z_sorted * self._shape).mT, z_sorted)
        if self.settings.covariance == "diagonal":
            second = second * self._eye
        mean.add_(last.baddbmm_(pull, factor, beta=self.settings.momentum))
        return torch.baddbmm(factor, second, factor, beta=1 - rate, alpha=rate)

    def _state(self) -> tuple[Tensor, ...]:
        return self._center.clone(), self._factor

    def _restore(self, state: tuple[Tensor, ...]) -> None:
        self._center, self._factor = state

    def _first_factor(self, batch: int, planned: int | None, widths: Tensor | None) -> Tensor:
        """Return the (B, D, D) factor of the first covariance.

        On a warm start it is narrow for the steps that were planned before, and takes over a share
        of the shape of the previous plan's last covariance. That is not shifted, because which
        directions matter depends more on the place in the horizon than on the moment.
        """
        unit = self._unit_factor.expand(batch, -1, -1)
        if planned is not None and self.settings.carry and len(self._factor) == batch:
            learned = self._factor / (self._widths + 1e-30)
            size = learned.square().mean(dim=(1, 2), keepdim=True).sqrt() * self.dims**0.5
            unit = torch.lerp(unit, learned / (size + 1e-30), self.settings.carry)
        self._widths = self._first_widths(planned) if widths is None else widths
        return unit * self._widths

    def _first_widths(self, planned: int | None) -> Tensor:
        """Return the (D,) first deviation of each number, without a prior."""
        if planned is None:
            return self._sigma
        settings, horizon = self.settings, self.problem.horizon
        scale = torch.full((horizon,), settings.warm_sigma, device=self.device)
        scale[min(planned, horizon - 1) :] = settings.warm_tail_sigma
        return self._sigma * scale.repeat_interleave(self.problem.action_dim)
