"""The default solver: a cross-entropy method that learns which directions matter."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import embedding

from wm_planner.planning.adaptive_settings import AdaptiveCEMSettings
from wm_planner.planning.draws import Draws, color_factor
from wm_planner.planning.planner import Problem
from wm_planner.planning.solver import Solver
from wm_planner.planning.weights import log_rank


class AdaptiveCEMPlanner(Solver):
    """Candidates are mean + scale * draw @ factor; mean and factor follow those of low cost.

    Per iteration, with z the draws sorted by the cost of their candidates, w and v weights by rank:

        mean   <- mean + scale * (sum w z) factor + momentum * last step
        factor <- (1 - r/2) factor + r/2 (sum v z z') factor

    The second line makes factor' factor, the covariance, follow the good candidates' by a rate of
    r, without any decomposition; the scale falls by schedule. A rotation of the draws is put into
    the first factor, where it costs nothing. Draw 0 of the first iteration is zero: the mean, which
    on a warm start is the shifted previous plan, is itself a candidate. The returned plan is the
    best one evaluated.
    """

    def __init__(self, problem: Problem, settings: AdaptiveCEMSettings) -> None:
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
        n = settings.num_samples
        pull = log_rank(n, settings.elites, settings.repulsion)
        shape = log_rank(n, settings.shapers)
        self._scales = [settings.scale(i) for i in range(settings.iterations)]
        scales = torch.tensor(self._scales, device=self.device).view(-1, 1, 1, 1)
        # Two equal rows: a product with one row takes another path for one problem than for several
        # and rounds differently, and a problem shall get the same plan in any batch.
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
            iterations=settings.iterations,
            samples=settings.num_samples,
            dims=self.dims,
            generator=self._generator,
        )
        self._design: Tensor | None = None
        self._batch, self._learned = 0, False
        self._sigma = self.bounds.sigma(settings.sigma, settings.box_fraction)
        over_time = color_factor(settings.color, problem.horizon).to(self.device)
        eye = torch.eye(problem.action_dim, device=self.device)
        self._cold_factor = torch.kron(over_time, eye) * self._sigma
        self._factor = self._cold_factor.unsqueeze(0)

    def _begin(self, batch: int, mean: Tensor, planned: int | None) -> None:
        draws, rotation = self._draws.next()
        if draws is not self._design or batch != self._batch:
            self._design, self._batch = draws, batch
            self._z = draws.unbind()
            spread = draws[:, None, : self.samples].expand(-1, batch, -1, -1)
            self._spread = spread.unbind()
            self._pulls = self._pull.expand(-1, batch, -1, -1).unbind()
        self._rate = self.settings.rate(self.dims, warm=planned is not None)
        self._center = mean
        self._velocity = mean.new_zeros(batch, 2, self.dims)
        factor = self._first_factor(batch, planned)
        if rotation is not None:
            factor = torch.bmm(rotation.expand(batch, -1, -1), factor)
        self._factor = factor
        self._learned = True

    def _generate(self, iteration: int, out: Tensor) -> None:
        scale = self._scales[iteration]
        torch.baddbmm(self._center, self._spread[iteration], self._factor, alpha=scale, out=out)
        self.bounds.clamp_(out)

    def _update(self, iteration: int, candidates: Tensor, costs: Tensor) -> None:
        self._center, self._velocity, self._factor = self._learn(
            self._z[iteration],
            self._pulls[iteration],
            costs,
            (self._center, self._velocity, self._factor),
            self._rate / 2,
        )

    def _step(
        self,
        z: Tensor,
        weights: Tensor,
        costs: Tensor,
        state: tuple[Tensor, Tensor, Tensor],
        rate: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The two lines of the class docstring; nothing in it waits for the device."""
        center, velocity, factor = state
        value, index = costs.sort(dim=1)
        index = index.masked_fill(value == torch.inf, self.samples)
        z_sorted = embedding(index, z)
        pull = torch.bmm(weights, z_sorted)
        second = torch.bmm((z_sorted * self._shape).mT, z_sorted)
        if self.settings.covariance == "diagonal":
            second = second * self._eye
        velocity = torch.baddbmm(velocity, pull, factor, beta=self.settings.momentum)
        factor = torch.baddbmm(factor, second, factor, beta=1 - rate, alpha=rate)
        return center + velocity[:, :1], velocity, factor

    def _state(self) -> tuple[Tensor, ...]:
        return self._center, self._factor

    def _restore(self, state: tuple[Tensor, ...]) -> None:
        self._center, self._factor = state

    def _first_factor(self, batch: int, planned: int | None) -> Tensor:
        """(B, D, D) factor of the first covariance.

        On a warm start it is narrow for the steps that were planned before, and shaped like the
        last one of the previous plan.
        """
        cold = self._cold_factor.expand(batch, -1, -1)
        if planned is None:
            return cold
        settings, horizon = self.settings, self.problem.horizon
        scale = torch.full((horizon,), settings.warm_sigma, device=self.device)
        scale[min(planned, horizon - 1) :] = settings.warm_tail_sigma
        if settings.carry and self._learned and len(self._factor) == batch:
            size = self._factor.square().mean(dim=(1, 2), keepdim=True).sqrt() * self.dims**0.5
            round_ = self._cold_factor / self._cold_factor.square().sum(0).sqrt()
            shape = torch.lerp(round_, self._factor / (size + 1e-30), settings.carry)
            cold = shape * self._sigma
        return cold * scale.repeat_interleave(self.problem.action_dim)
