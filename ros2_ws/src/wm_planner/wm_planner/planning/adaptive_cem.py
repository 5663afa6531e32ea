"""The default planner: a cross-entropy method that learns which directions matter."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.config.planners import AdaptiveCEMSettings
from wm_planner.config.presets import SearchSize
from wm_planner.planning.broad import BroadDraws
from wm_planner.planning.draws import Draws, color_factor
from wm_planner.planning.planner import Problem
from wm_planner.planning.schedule import Schedule
from wm_planner.planning.solver import History, Solver
from wm_planner.planning.ties import Look, Ties
from wm_planner.planning.weights import RankWeights


class AdaptiveCEMPlanner(Solver):
    """Candidates are mean + width * draw @ factor; mean and factor follow those of low cost.

    Per iteration, with z the draws sorted by the cost of their candidates and w, v weights by rank
    (v sums to zero):

        mean   <- mean + width * (sum w z) factor + momentum * last step
        factor <- factor + r/2 (sum v z z') factor
        width  <- narrower by a schedule

    The second line moves factor' factor, the covariance, toward that of the good candidates at a
    rate of r, without any decomposition (rank-mu update of CMA-ES in the form of MA-ES: Beyer and
    Sendhoff 2017). The momentum is Polyak's heavy ball; that of TD-MPC and iCEM slows the mean down
    instead, because it averages. The rotation of the draws is multiplied into the first factor,
    where it costs nothing. Draw 0 of the first iteration is zero, so that the mean (on a warm start
    the shifted previous plan) is itself a candidate. The best plan evaluated is returned, or the
    last mean.

    Candidates that tie have the same weights (``RankWeights``). If all tie, mean and factor stay,
    and the width grows again up to that of a cold start. A plan that learned nothing hands nothing
    on: the next warm start is as wide as a cold one. A share of the candidates looks elsewhere
    (``BroadDraws``), and may take the mean's place.
    """

    def __init__(self, problem: Problem, size: SearchSize, settings: AdaptiveCEMSettings) -> None:
        """Build the planner; raises as ``Solver`` does."""
        super().__init__(problem, size, settings)
        self.settings = settings
        self._learn = torch.compile(self._step, fullgraph=True) if settings.compile else self._step
        self._eye = torch.eye(self.dims, device=self.device)
        self._sigma = self.bounds.sigma(settings.sigma, settings.box_fraction)
        self._broad = BroadDraws(
            settings.broad,
            settings.broad_color,
            samples=self.samples,
            iterations=self.iterations,
            problem=problem,
            generator=self._generator,
        )
        self.searching = n = self.samples - self._broad.count
        self._schedule = schedule = Schedule(n, size, settings)
        self._weights = RankWeights(
            n,
            elites=schedule.elites,
            shapers=schedule.shapers,
            repulsion=settings.repulsion,
            step=settings.step,
            device=self.device,
        )
        self._shape = self._weights.untied[1].view(1, n, 1)
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
            samples=self.searching,
            dims=self.dims,
            generator=self._generator,
        )
        self._design: Tensor | None = None
        self._batch = 0
        over_time = color_factor(settings.color, problem.horizon).to(self.device)
        eye = torch.eye(problem.action_dim, device=self.device)
        self._unit_factor = torch.kron(over_time, eye)
        self._widths = self._sigma
        self._factor = torch.empty(0, self.dims, self.dims, device=self.device)
        self._learned = torch.empty(0, 1, 1, dtype=torch.bool, device=self.device)

    def _begin(
        self, history: History, mean: Tensor, planned: int | None, widths: Tensor | None
    ) -> None:
        self._history, batch = history, len(mean)
        draws, rotation = self._draws.next()
        if draws is not self._design or batch != self._batch:
            self._design, self._batch = draws, batch
            self._z = draws.unbind()
            self._spread = draws[:, None].expand(-1, batch, -1, -1).unbind()
            self._pulls = self._weights.untied[0].expand(batch, 2, -1)
        self._rate = self._schedule.rate(self.dims, warm=planned is not None)
        # Two equal rows, because a product with one row would round differently for one problem
        # than for several, and a problem must get the same plan in any batch.
        self._pair = mean.repeat(1, 2, 1)
        self._center = self._pair[:, :1]
        self._velocity = torch.zeros_like(self._pair)
        self._width = torch.ones(batch, 1, 1, device=self.device)
        warm = planned is not None and widths is None
        self._widest = max(1.0, 1.0 / self.settings.warm_sigma) if warm else 1.0
        factor = self._first_factor(batch, planned, widths)
        if rotation is not None:
            factor = torch.bmm(rotation.expand(batch, -1, -1), factor)
        self._factor = factor
        if self._broad.count:
            aside = history.memory[:, :, self.searching :]
            self._broad.fill(aside, mean, self._sigma)
            self.bounds.clamp_(aside)
        self._main = history.memory[:, :, : self.searching].unbind()

    def _generate(self, iteration: int, out: Tensor) -> None:
        out = self._main[iteration]
        self._scaled = self._factor * self._width
        torch.baddbmm(self._center, self._spread[iteration], self._scaled, out=out)
        self.bounds.clamp_(out)

    def _measure_noise(self, ties: Ties, costs: Tensor) -> None:
        if self._broad.count:
            ties.measure(torch.cat([costs[:, :1], costs[:, self.searching :]], dim=1))

    def _update(
        self, iteration: int, candidates: Tensor, costs: Tensor, look: Look | None
    ) -> None:
        if self._broad.count:
            costs = costs[:, : self.searching]
        state = (self._pair, self._velocity, self._scaled, self._factor, self._width)
        threshold = None
        if look is None or look.ties:
            assert self._ties
            threshold = self._ties.threshold(costs)
            self._weights.prepare()
        narrowing = self._schedule.narrowing[iteration]
        self._factor, self._width = self._learn(
            self._z[iteration], costs, threshold, state, narrowing, self._rate / 2
        )
        if iteration in self._broad.looks:
            self._look_aside(iteration + 1)

    def _step(
        self,
        z: Tensor,
        costs: Tensor,
        threshold: Tensor | None,
        state: tuple[Tensor, ...],
        narrowing: float,
        rate: float,
    ) -> tuple[Tensor, Tensor]:
        """Apply the three lines of the class docstring, without waiting for the device.

        Moves the mean and the last step in place, and returns the new factor and the new width.
        """
        mean, last, scaled, factor, width = state
        if threshold is None:
            index = costs.argsort(dim=1)
            pull, shape = self._pulls, self._shape
        else:
            costs, index = costs.sort(dim=1)
            weights, better = self._weights.tied(costs, threshold)
            pull, shape = weights[:, :1].expand(-1, 2, -1), weights[:, 1].unsqueeze(-1)
            told = (better > 0).unsqueeze(-1)
            last.mul_(told)
        z_sorted = torch.embedding(z, index)
        second = torch.bmm((z_sorted * shape).mT, z_sorted)
        if self.settings.covariance == "diagonal":
            second = second * self._eye
        mean.add_(last.baddbmm_(torch.bmm(pull, z_sorted), scaled, beta=self.settings.momentum))
        factor = torch.baddbmm(factor, second, factor, alpha=rate)
        if threshold is None:
            return factor, width * narrowing
        wider = (width * self.settings.widening).clamp(max=self._widest)
        return factor, torch.where(told, width * narrowing, torch.maximum(width, wider))

    def _look_aside(self, done: int) -> None:
        """Move the mean to the best broad candidate so far if it is better than all others."""
        assert self._ties
        costs, n = self._history.until(done), self.searching
        if self._at_once:
            host = costs.numpy()
            if (host[1:, :, n:].min((0, 2)) >= host[:, :, :n].min((0, 2))).all():
                return
        lowest, place = costs[1:, :, n:].transpose(0, 1).flatten(1).min(dim=1)
        better = lowest < costs[:, :, :n].amin((0, 2)) - self._ties.slack.squeeze(1)
        iteration, candidate = 1 + place // self._broad.count, n + place % self._broad.count
        problems = torch.arange(len(place), device=place.device)
        plans = self._history.memory[iteration, problems, candidate]
        better = better.view(-1, 1, 1)
        self._pair.copy_(torch.where(better, plans.unsqueeze(1), self._pair))
        self._velocity.masked_fill_(better, 0.0)

    def _state(self) -> tuple[Tensor, ...]:
        return self._center.clone(), self._factor

    def _restore(self, state: tuple[Tensor, ...]) -> None:
        self._center, self._factor = state

    def _remember(self, learned: Tensor) -> None:
        self._learned = learned.view(-1, 1, 1)

    def _first_factor(self, batch: int, planned: int | None, widths: Tensor | None) -> Tensor:
        """Return the (B, D, D) factor of the first covariance.

        On a warm start it is narrow for the steps that were planned before, and takes over a share
        of the shape of the previous plan's last covariance. That is not shifted, because which
        directions matter depends more on the place in the horizon than on the moment.
        """
        unit = self._unit_factor.expand(batch, -1, -1)
        before = planned is not None and len(self._learned) == batch
        if before and self.settings.carry:
            learned = self._factor / (self._widths + 1e-30)
            size = learned.square().mean(dim=(1, 2), keepdim=True).sqrt() * self.dims**0.5
            carry = self.settings.carry * self._learned
            unit = torch.lerp(unit, learned / (size + 1e-30), carry)
        if widths is None:
            widths = self._first_widths(planned)
            if before:
                widths = torch.where(self._learned, widths, self._sigma)
        self._widths = widths
        return unit * widths

    def _first_widths(self, planned: int | None) -> Tensor:
        """Return the (D,) first deviation of each number, without a prior."""
        if planned is None:
            return self._sigma
        settings, horizon = self.settings, self.problem.horizon
        scale = torch.full((horizon,), settings.warm_sigma, device=self.device)
        scale[min(planned, horizon - 1) :] = settings.warm_tail_sigma
        return self._sigma * scale.repeat_interleave(self.problem.action_dim)
