"""The loop of all solvers: generate, score and update until there is a reason to stop."""

from __future__ import annotations

import functools
import itertools
import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from wm_planner.config.planners import StoppingSettings
from wm_planner.config.presets import SearchSize
from wm_planner.planning.action_box import Bounds
from wm_planner.planning.chunks import ChunkedCost, CostFn
from wm_planner.planning.costs import Place
from wm_planner.planning.ending import check_end
from wm_planner.planning.errors import PlanCanceledError, SettingsError
from wm_planner.planning.guarded import GuardedCost
from wm_planner.planning.history import Block, History, Stage
from wm_planner.planning.plan_result import PlanResult, StopReason, Timings
from wm_planner.planning.planner import Planner, Problem
from wm_planner.planning.prior import Prior, fuse, read
from wm_planner.planning.reading import sent
from wm_planner.planning.stopping import LastEvaluation, StopMonitor
from wm_planner.planning.ties import Look, Ties
from wm_planner.planning.warm_start import check, complete


def reads_at_once(device: torch.device) -> bool:
    """Decide whether the host reads a device's numbers without waiting for it."""
    return device.type == "cpu"


class Solver(Planner):
    """An iterative planner; subclasses define ``_begin``, ``_generate`` and ``_update``.

    Attributes:
        mean_counts: When the last mean is the plan: ``"better"``: if it costs less than the best
            candidate, ``"possible"``: if its cost is finite, ``"never"``. It is evaluated if that
            ends before the deadline; otherwise the best candidate is the plan.
        stages: How often iterations call the cost, and with how many candidates.
        compares: Whether the search compares the candidates of a call.
    """

    mean_counts = "better"
    compares = True

    def __init__(
        self,
        problem: Problem,
        size: SearchSize,
        stopping: StoppingSettings,
        *,
        generator_device: str | torch.device | None = None,
    ) -> None:
        """Prepare the bounds and the generator.

        Args:
            problem: What to plan for.
            size: Candidates, iterations and memory, already checked.
            stopping: When to stop before the last iteration, already checked.
            generator_device: Where draws are made; None: where plans are made.

        Raises:
            BoundsError: The bounds leave no box.
        """
        self.problem = problem
        self.device = torch.device(problem.device)
        # The first iteration always improves, and ``patience`` others have to follow. A shorter
        # search cannot stop early, so that its costs need not be read from a GPU.
        if stopping.patience >= size.iterations:
            stopping = replace(stopping, patience=0)
        self.bounds = Bounds(
            problem.bounds,
            action_dim=problem.action_dim,
            horizon=problem.horizon,
            device=self.device,
            deviation=problem.deviation,
        )
        self.samples, self.iterations, self.stopping = size.num_samples, size.iterations, stopping
        self.stages = [Stage(self.iterations, 1, self.samples, self.samples)]
        self.dims = problem.horizon * problem.action_dim
        self._evaluate = ChunkedCost(size.chunk, size.memory_limit)
        self._at_once = reads_at_once(self.device)
        self._last = LastEvaluation()
        self._ties = Ties()
        self._generator = torch.Generator(generator_device or self.device)
        self._generator.manual_seed(problem.seed)

    def reset(self) -> None:
        """See ``Planner.reset``."""
        self._last = LastEvaluation()
        self._generator.manual_seed(self.problem.seed)

    def plan(
        self,
        cost: CostFn,
        *,
        batch: int = 1,
        warm_start: Tensor | None = None,
        prior: Prior | None = None,
        deadline: float | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> PlanResult:
        """Plan for ``batch`` problems at once; see ``Planner.plan``."""
        begin = time.monotonic()
        if batch < 1:
            raise SettingsError(f"batch is {batch}; give the number of problems, 1 or more")
        if cancel is not None and cancel():
            raise PlanCanceledError
        with torch.no_grad():
            self._ties = Ties(compares=self.compares)
            history = History(self.stages, batch, self.problem, at_once=self._at_once)
            self._begin(history, *self._first_guess(batch, warm_start, prior))
            cost = self._guarded(cost)
            monitor = StopMonitor(self.stopping, self._ties, batch, deadline, cancel)
            if self.mean_counts == "possible":
                monitor.reserved = self._last
            reason, times = None, [time.monotonic()]
            # States are kept if a problem may stop before the last iteration: earlier than others
            # of its batch, or while the device already computes the next iteration.
            trail = []
            overrun = batch > 1 or not self._at_once
            done = 0
            while reason is None and done < self.iterations:
                block, calls = history.calls[done]
                seen = [self._iterate(cost, block, call) for call in calls]
                done += 1
                self._end_iteration(history, done)
                if overrun and self.stopping.patience:
                    trail.append(tuple(part.clone() for part in self._state()))
                reason = monitor.after(block, calls, seen)
                times.append(time.monotonic())
            if done == self.iterations and reason is StopReason.DEADLINE:
                reason = None  # there is no iteration that would have ended after it
            stopped_at = monitor.finish(done)
            if min(stopped_at) < done:
                self._restore(_pick(trail, stopped_at))
            ending = time.monotonic()
            learned = self._has_learned(history, done)
            actions, value, lowest = history.best(stopped_at, learned)
            self._remember(learned)
            mean = self._shaped(self._state()[0])
            counts = self.mean_counts != "never" and reason is not StopReason.CANCELED
            last = counts and monitor.leaves_time_for(self._last)
            if last:
                actions, value = self._compared(cost, mean, actions, value, learned)
            self.bounds.clamp_(actions.view(batch, self.dims))
            candidates, candidate_costs = history.last(stopped_at)
        evaluations = done * self.samples + last
        check_end(actions, mean, value, evaluations)
        if last:
            self._last.measured(time.monotonic() - ending)
        return PlanResult(
            actions=actions,
            cost=value,
            cost_history=lowest,
            iterations=done,
            stop_reason=reason or StopReason.ITERATIONS,
            timings=Timings(
                time.monotonic() - begin,
                tuple(b - a for a, b in itertools.pairwise(times)),
            ),
            evaluations=evaluations,
            mean=mean,
            stopped_at=tuple(stopped_at),
            learned=tuple(learned.tolist()),
            candidates=candidates,
            candidate_costs=candidate_costs,
        )

    def _iterate(self, cost: CostFn, block: Block, call: int) -> Look | Tensor | None:
        """Draw candidates, evaluate them and learn from their costs.

        Returns:
            What the host saw of the costs; where it cannot, what ``_update`` returned.
        """
        self._generate(block, call)
        self._score(cost, block.actions[call], functools.partial(block.place, call))
        self._ties.eps = block.eps
        host = block.host(call)
        look = None if host is None else self._ties.look(host, self._ranked(block, call).tolist())
        told = self._update(block, call, look)
        if look is None or told is None:
            return told if look is None else look
        return replace(look, told=told.flatten().tolist())

    def _ranked(self, block: Block, call: int) -> Tensor:
        """Return the costs of the candidates drawn from the learned distribution, sorted."""
        return block.main_costs[call].sort(dim=1).values

    @property
    def call_sizes(self) -> set[int]:
        """See ``Planner``."""
        return {stage.samples for stage in self.stages} | {1}

    @abstractmethod
    def _begin(
        self, history: History, mean: Tensor, planned: int | None, widths: Tensor | None
    ) -> None:
        """Start a plan.

        Args:
            history: Memory for the candidates, not yet written.
            mean: (B, 1, D) the first guess, inside the bounds; may be kept and changed.
            planned: Steps of the warm start, None for a cold start.
            widths: (B, 1, D) first deviations, in which a prior is contained; None: without a
                prior, those of ``_first_widths``.
        """

    @abstractmethod
    def _first_widths(self, planned: int | None, batch: int) -> Tensor:
        """Return the planner's own first deviations, (D,) or (B, 1, D); see ``_begin``."""

    @abstractmethod
    def _generate(self, block: Block, call: int) -> None:
        """Write candidates, all inside the bounds, to ``block.main[call]``."""

    @abstractmethod
    def _update(self, block: Block, call: int, look: Look | None) -> Tensor | None:
        """Learn from a call of the cost.

        Args:
            block: Has the candidates and their costs, which are inf for impossible ones.
            call: Its number in the block.
            look: What the host saw of the costs; None where it would have to wait for the device.

        Returns:
            Whether it learned, for each problem (B, 1, 1); None: if the costs tell candidates
            apart, see ``Ties``.
        """

    def _end_iteration(self, history: History, done: int) -> None:
        """Do what is due after ``done`` iterations."""

    @abstractmethod
    def _state(self) -> tuple[Tensor, ...]:
        """Return the distribution's mean (B, 1, D), and what else outlives the plan (B, ...)."""

    @abstractmethod
    def _restore(self, state: tuple[Tensor, ...]) -> None:
        """Return to a state."""

    def _has_learned(self, history: History, done: int) -> Tensor:
        """Return whether the search learned something in the iterations done (B,)."""
        return history.learned(done, self._ties)

    def _remember(self, learned: Tensor) -> None:
        """Take whether the plan of each problem (B,) learned anything, for the next warm start."""

    def _guarded(self, cost: CostFn) -> CostFn:
        """Return the cost function as the planner calls it during one plan."""
        return GuardedCost(cost, compares=self._at_once)

    def _compared(
        self, cost: CostFn, mean: Tensor, actions: Tensor, value: Tensor, learned: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Evaluate the mean (B, H, A); return the plan and its cost, without waiting.

        Beside noise, the best candidate is mostly a lucky one, so the mean is the plan unless it
        costs more than noise explains. (If there is no time to evaluate it, the lucky one is.)
        """
        costs = self._score(cost, mean.unsqueeze(1), None).squeeze(1)
        always = self.mean_counts == "possible"
        noise = self._ties.noise
        limit = value + noise.luck().squeeze(1) if noise.seen else value
        chosen = costs < torch.inf if always else (costs < limit) & learned
        plan = torch.where(chosen.view(-1, 1, 1), mean, actions)
        return plan, torch.where(chosen, costs, value)

    def _padding(self) -> str:
        """Return how a warm start is filled up: see ``complete``."""
        return "repeat"

    def _score(self, cost: CostFn, actions: Tensor, place: Place | None) -> Tensor:
        """Return the costs (B, N), inf for everything that is not finite; see ``ChunkedCost``."""
        return self._evaluate(cost, actions, place)

    def _first_guess(
        self, batch: int, warm_start: Tensor | None, prior: Prior | None
    ) -> tuple[Tensor, int | None, Tensor | None]:
        """Return mean, planned steps and widths as ``_begin`` takes them."""
        mean, planned = self._first_mean(batch, warm_start)
        if prior is None:
            return mean, planned, None
        shape = (batch, self.problem.horizon, self.problem.action_dim)
        given = read(prior, shape, self.device)
        mean, widths = fuse(mean, self._first_widths(planned, batch), given)
        return self.bounds.clamp_(mean), planned, widths

    def _first_mean(self, batch: int, warm_start: Tensor | None) -> tuple[Tensor, int | None]:
        horizon, dims = self.problem.horizon, self.problem.action_dim
        planned = None
        if warm_start is None or (warm_start.ndim == 3 and warm_start.shape[1] == 0):
            mean = torch.zeros(batch, 1, self.dims, device=self.device)
        else:
            check(warm_start, batch, horizon, dims)
            planned = warm_start.shape[1]
            guess = sent(warm_start.detach().to(torch.float32), self.device)
            mean = complete(guess, horizon, self._padding()).view(batch, 1, self.dims)
        return self.bounds.clamp_(mean), planned

    def _shaped(self, flat: Tensor) -> Tensor:
        """Return (B, 1, D) as actions (B, H, A), inside the bounds, in memory of their own."""
        inside = self.bounds.clamp_(flat.clone())
        return inside.view(-1, self.problem.horizon, self.problem.action_dim)


def _pick(trail: list[tuple[Tensor, ...]], stopped_at: list[int]) -> tuple[Tensor, ...]:
    """Return the state of each problem when it stopped."""
    return tuple(
        torch.stack([parts[at - 1][b] for b, at in enumerate(stopped_at)])
        for parts in zip(*trail, strict=True)
    )
