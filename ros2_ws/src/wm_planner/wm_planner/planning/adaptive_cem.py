"""The default planner: a cross-entropy method that learns which directions matter."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.config.planners import AdaptiveCEMSettings
from wm_planner.config.presets import SearchSize
from wm_planner.planning.adaptive_stage import AdaptiveStage, aligned
from wm_planner.planning.broad import BroadDraws, better_seen, none_seen
from wm_planner.planning.draws import Draws, color_factor
from wm_planner.planning.history import Block, History
from wm_planner.planning.noise import PROBES, twins_of
from wm_planner.planning.planner import Problem
from wm_planner.planning.schedule import looks, mean_calls, stages, widths_over_time
from wm_planner.planning.solver import Solver
from wm_planner.planning.ties import Look
from wm_planner.planning.warm_start import with_zero_end


class AdaptiveCEMPlanner(Solver):
    """Candidates are mean + width * draw @ factor; mean and factor follow those of low cost.

    Per call of the cost, with z the draws sorted by the cost of their candidates and w, v weights
    by rank (v sums to zero):

        mean   <- mean + width * (sum w z) factor
        factor <- factor + r/2 (sum v z z') factor
        width  <- narrower by a schedule

    The second line moves factor' factor, the covariance, toward that of the good candidates at a
    rate of r, without any decomposition (rank-mu update of CMA-ES in the form of MA-ES: Beyer and
    Sendhoff 2017). The rotation of the draws is multiplied into the first factor, where it costs
    nothing. Draw 0 of the first call is zero, so that the mean (on a warm start the shifted
    previous plan) is itself a candidate. The best plan evaluated is returned, or the last mean.

    If there are enough candidates, the last ten iterations draw them in two halves, the second
    after learning from the first (``stages``).

    Candidates that tie have the same weights (``RankWeights``). If all tie, mean and factor stay,
    and the width grows again up to that of a cold start. A plan that learned nothing hands nothing
    on: the next warm start is as wide as a cold one. A share of the candidates looks elsewhere
    (``BroadDraws``), and three times in a plan the search checks whether a plan seen before is
    better than all of the last call; then the mean goes there.

    Beside noise (``Noise``), candidates change the search only if their ranks can hardly be chance
    (``Evidence``).
    """

    def __init__(self, problem: Problem, size: SearchSize, settings: AdaptiveCEMSettings) -> None:
        """Build the planner; raises as ``Solver`` does."""
        super().__init__(problem, size, settings)
        self.settings = settings
        self.stages = stages(size, settings.broad, self.dims)
        self._twins = {stage: twins_of(stage.searching, self.device) for stage in self.stages}
        self._last_call = sum(stage.iterations * stage.calls for stage in self.stages) - 1
        self._looks = looks(self.iterations)
        self._schedule = widths_over_time(self.stages, settings)
        self._sigma = self.bounds.widths_inside(settings.sigma, settings.box_fraction)
        self._broad = BroadDraws(
            settings.broad_color, widths=self._sigma, problem=problem, generator=self._generator
        )
        self._learners = [
            AdaptiveStage(
                stage,
                widths[:-1],
                num_elites=size.num_elites,
                settings=settings,
                dims=self.dims,
                device=self.device,
            )
            for stage, widths in zip(self.stages, self._schedule, strict=True)
        ]
        self._start()

    def reset(self) -> None:
        """See ``Planner.reset``."""
        super().reset()
        self._start()

    def _start(self) -> None:
        problem, settings = self.problem, self.settings
        self._draws = [
            Draws(
                settings.draws,
                iterations=stage.iterations * stage.calls,
                samples=stage.searching,
                dims=self.dims,
                generator=self._generator,
                means=means,
            )
            for stage, means in zip(self.stages, mean_calls(self.stages), strict=True)
        ]
        over_time = color_factor(settings.color, problem.horizon).to(self.device)
        eye = torch.eye(problem.action_dim, device=self.device)
        self._unit_factor = torch.kron(over_time, eye)
        self._widths = self._sigma
        self._ones = torch.ones_like(self._sigma)
        self._states = self._reserve(0)
        self._shape = torch.empty(0, self.dims, self.dims, device=self.device)
        self._learned = torch.empty(0, 1, 1, dtype=torch.bool, device=self.device)

    @torch.inference_mode(False)  # so that plans inside and outside of it can use the memory
    def _reserve(self, batch: int) -> tuple[tuple[Tensor, Tensor, Tensor], ...]:
        """Return memory for two states (B, D + 1, D), each with its factor and mean (B, 1, D)."""
        states = [aligned(batch, self.dims + 1, self.dims, self.device) for _ in range(2)]
        return tuple((state, state[:, : self.dims], state[:, self.dims :]) for state in states)

    def _begin(
        self, history: History, mean: Tensor, planned: int | None, widths: Tensor | None
    ) -> None:
        batch, warm = len(mean), planned is not None
        factor = self._first_factor(batch, planned, widths)
        for learner, draws in zip(self._learners, self._draws, strict=True):
            first = learner is self._learners[0]
            rotation = learner.begin(draws, batch, warm=warm, rotate=first)
            if rotation is not None:
                factor = torch.bmm(rotation.expand(batch, -1, -1), factor)
        if len(self._states[0][0]) != batch:
            self._states = self._reserve(batch)
        self._now, self._next = self._states
        torch.cat([factor, mean], dim=1, out=self._now[0])
        self._excess = self._ones  # width of each number over the scheduled one
        self._ever: bool | Tensor = False  # whether a call has told something
        self._widest: Tensor | None = None
        aside = [
            block.candidates[:, :, block.stage.searching :]
            for block in history.blocks
            if block.stage.searching < block.stage.samples
        ]
        if aside:
            self._broad.fill(aside)
            if planned is not None:
                actions = mean.view(batch, self.problem.horizon, self.problem.action_dim)
                aside[0][0, :, 0] = with_zero_end(actions).flatten(1)
        for candidates in aside:
            self.bounds.clamp_(candidates)
        self._calls = 0
        spare = self.stages[0].samples - self.stages[0].searching
        self._probes = min(PROBES, max(spare - warm, 1), spare)

    def _generate(self, block: Block, call: int) -> None:
        learner, width, _ = self._of(block, call)
        if self._evaluates_twice:
            learner.repeat(call, *self._twins[block.stage], self._ties.noise.doubtful)
        out, (_, factor, center) = block.main[call], self._now
        torch.baddbmm(center, learner.spread[call], factor, alpha=width, out=out)
        self.bounds.clamp_(out)
        if self._calls == 0 and self._probes:
            block.candidates[0, :, -self._probes :] = out[:, : self._probes]

    def _of(self, block: Block, call: int) -> tuple[AdaptiveStage, float, float]:
        """Return what learns from a call, the call's scheduled width, and the next one's."""
        number = 0 if block.first else 1
        widths = self._schedule[number]
        return self._learners[number], widths[call], widths[call + 1]

    def _ranked(self, block: Block, call: int) -> Tensor:
        return self._of(block, call)[0].rank(block.main_costs[call])

    def _update(self, block: Block, call: int, look: Look | None) -> Tensor | None:
        learner, width, next_width = self._of(block, call)
        if look is None:
            self._ranked(block, call)
        self._measure_noise(block, call)
        states = (*self._now[:2], self._next[0])
        told = None
        if look is None or look.ties or self._ties.noise.seen:
            told = learner.update_with_ties(call, self._ties, states)
            self._widen(told, width, next_width)
            self._ever = told | self._ever
        else:
            learner.update(call, states)
            self._ever = True
        self._now, self._next = self._next, self._now
        return told

    @property
    def _evaluates_twice(self) -> bool:
        """Whether the present call is to measure noise: the second one, if it is not the last."""
        return self._calls == 1 and self._ties.noise.seen and self._last_call > 1

    def _measure_noise(self, block: Block, call: int) -> None:
        noise = self._ties.noise
        if self._calls == 0 and self._probes:
            noise.begin(block.costs[call], self._probes, block.eps, block.host(call))
        elif self._evaluates_twice:
            rows, others = self._twins[block.stage]
            costs = block.costs[call]
            new = noise.measure(costs[:, rows], costs[:, others], block.eps)
            self._ever = self._ever & ~new.unsqueeze(-1)  # it was noise
        self._calls += 1

    def _widen(self, told: Tensor, width: float, scheduled: float) -> None:
        """Let the factor of problems that were told nothing (B, 1, 1) grow, against the schedule.

        The width of no number exceeds that of a cold start for it, if it did not before. If what
        was learned before has led to where only noise is left, the width stays.
        """
        if self._widest is None:
            self._widest = (self._sigma + 1e-30) / (self._widths + 1e-30)
        now = self._excess * width
        growth: float | Tensor = self.settings.widening
        if self._ties.noise.seen:
            at_the_noise = self._ties.noise.noisy.unsqueeze(-1) & self._ever
            growth = torch.where(at_the_noise, 1.0, growth)
        wider = torch.maximum(now, torch.minimum(now * growth, self._widest))
        excess = torch.where(told, self._excess, wider / scheduled)
        self._next[1].mul_(excess / self._excess)
        self._excess = excess

    def _has_learned(self, history: History, done: int) -> Tensor:
        if isinstance(self._ever, bool):
            return torch.full_like(history.blocks[0].problems, self._ever, dtype=torch.bool)
        ever = self._ever.flatten()
        learned = super()._has_learned(history, done)
        if self._ties.noise.seen:
            learned = learned & ~self._ties.noise.noisy.flatten()
        return learned | ever

    def _end_iteration(self, history: History, done: int) -> None:
        """Move the mean to a better plan, if one was seen before the last call."""
        if done not in self._looks:
            return
        if self._at_once and none_seen(history, done):
            return
        better, plans = better_seen(history, done, self._ties)
        center = self._now[2]
        center.copy_(torch.where(better, plans, center))
        self._ever = better | self._ever
        for learner in self._learners:
            learner.forget(better)

    def _state(self) -> tuple[Tensor, ...]:
        _, factor, center = self._now
        return center, factor

    def _restore(self, state: tuple[Tensor, ...]) -> None:
        _, factor, center = self._now
        center.copy_(state[0])
        factor.copy_(state[1])

    def _remember(self, learned: Tensor) -> None:
        self._learned = learned.view(-1, 1, 1)
        # Its own memory and free of the widths, which a plan that fails would change.
        self._shape = self._now[1] / (self._widths + 1e-30)

    def _first_factor(self, batch: int, planned: int | None, widths: Tensor | None) -> Tensor:
        """Return the (B, D, D) factor of the first covariance.

        On a warm start it is narrow for the steps that were planned before, and takes over a share
        of the shape of the previous plan's last covariance. That is not shifted, because which
        directions matter depends more on the place in the horizon than on the moment.
        """
        unit = self._unit_factor.expand(batch, -1, -1)
        before = planned is not None and len(self._learned) == batch
        if before and self.settings.carry:
            size = self._shape.square().mean(dim=(1, 2), keepdim=True).sqrt() * self.dims**0.5
            carry = self.settings.carry * self._learned
            unit = torch.lerp(unit, self._shape / (size + 1e-30), carry)
        self._widths = self._first_widths(planned, batch) if widths is None else widths
        return unit * self._widths

    def _first_widths(self, planned: int | None, batch: int) -> Tensor:
        """See ``Solver``; after a plan that learned nothing they are those of a cold start."""
        if planned is None:
            return self._sigma
        settings, horizon = self.settings, self.problem.horizon
        scale = torch.full((horizon,), settings.warm_sigma, device=self.device)
        scale[min(planned, horizon - 1) :] = settings.warm_tail_sigma
        widths = self._sigma * scale.repeat_interleave(self.problem.action_dim)
        if len(self._learned) != batch:
            return widths
        return torch.where(self._learned, widths, self._sigma)
