"""The memory of one plan: all candidates and their costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

from wm_planner.planning.costs import kept_as
from wm_planner.planning.planner import Problem
from wm_planner.planning.reading import sent
from wm_planner.planning.ties import Ties


@dataclass(frozen=True)
class Stage:
    """Iterations of which each calls the cost equally often, with equally many candidates.

    Attributes:
        iterations: How many.
        calls: Calls of the cost per iteration.
        samples: N, candidates per call.
        searching: How many of them, the first ones, are drawn from the learned distribution.
    """

    iterations: int
    calls: int
    samples: int
    searching: int


class Block:
    """Candidates and costs of one stage.

    Attributes:
        stage: Its sizes.
        first: Whether it is the first stage of its plan.
        candidates: (calls, B, N, D), memory for the candidates.
        actions: Per call (B, N, H, A), the same memory.
        main: Per call (B, searching, D), the same memory.
        problems: (B,) the numbers of the problems.
        eps: Relative rounding of the costs, as the cost function returned them.
        costs: (calls, B, N), memory for the costs; inf stands for NaN and infinities. float32, or
            float64 once a cost needs it.
    """

    def __init__(self, stage: Stage, batch: int, problem: Problem, *, at_once: bool) -> None:
        """Reserve the memory; ``at_once``: see ``reads_at_once``."""
        self.stage, self.first, self._at_once = stage, False, at_once
        self.eps = torch.finfo(torch.float32).eps
        calls = stage.iterations * stage.calls
        shape = (calls, batch, stage.samples, problem.horizon, problem.action_dim)
        actions = torch.empty(shape, device=problem.device)
        self.candidates = actions.flatten(-2)
        self.actions = actions.unbind()
        self.main = self._searching(self.candidates).unbind()
        self.problems = torch.arange(batch, device=problem.device)
        self._keep(torch.empty(shape[:3], device=problem.device))

    def _keep(self, costs: Tensor) -> None:
        self.costs = costs
        self._per_call = costs.unbind()
        self.main_costs = self._searching(costs).unbind()
        self._host = costs.numpy() if self._at_once else None

    def _searching(self, values: Tensor) -> Tensor:
        """Return the part of (calls, B, N, ...) that is drawn from the learned distribution."""
        n = self.stage.searching
        return values if n == self.stage.samples else values[:, :, :n]

    def place(self, call: int, dtype: torch.dtype) -> Tensor:
        """Return the memory (B, N) for the costs of a call of some dtype, see ``Place``."""
        kept = self.costs.dtype
        if dtype != kept and (wider := kept_as(dtype, self.costs)) != kept:
            self._keep(self.costs.to(wider))
        self.eps = torch.finfo(dtype if dtype.is_floating_point else self.costs.dtype).eps
        return self._per_call[call]

    def host(self, call: int) -> npt.NDArray[Any] | None:
        """Return the same costs on the host; None if that would have to wait for the device."""
        return None if self._host is None else self._host[call]

    def lowest_on_host(self, calls: int) -> npt.NDArray[Any]:
        """Return the lowest costs (calls, B) of the first calls, without waiting for a device."""
        assert self._host is not None
        lowest: npt.NDArray[Any] = self._host[:calls].min(axis=2)
        return lowest

    def lowest(self, calls: int) -> tuple[Tensor, Tensor]:
        """Return the lowest costs (calls, B) of the first calls, and their candidates."""
        low = self.costs[:calls].min(dim=2)
        return low.values, low.indices

    def pick(self, call: Tensor, candidate: Tensor) -> Tensor:
        """Return copies (B, D) of one candidate per problem."""
        return self.candidates[call, self.problems, candidate]


class History:
    """All candidates of a plan and their costs.

    Attributes:
        blocks: One per stage.
        calls: Per iteration, the block and the numbers of its calls.
    """

    def __init__(self, stages: list[Stage], batch: int, problem: Problem, *, at_once: bool) -> None:
        """Reserve the memory; ``at_once``: see ``reads_at_once``."""
        self.blocks = [Block(stage, batch, problem, at_once=at_once) for stage in stages]
        self.blocks[0].first = True
        self.calls = [
            (block, range(i * block.stage.calls, (i + 1) * block.stage.calls))
            for block in self.blocks
            for i in range(block.stage.iterations)
        ]
        self._batch, self._problem, self._at_once = batch, problem, at_once

    def until(self, done: int) -> list[tuple[Block, int]]:
        """Return the blocks of the first ``done`` iterations, and how many calls of each."""
        blocks = []
        for block in self.blocks:
            iterations = min(done, block.stage.iterations)
            done -= iterations
            if iterations:
                blocks.append((block, iterations * block.stage.calls))
        return blocks

    def best(self, stopped_at: list[int], learned: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the best plan of each problem.

        Args:
            stopped_at: Iterations that count, per problem.
            learned: (B,) whether the costs told any candidates apart; if not, the plan is the first
                candidate, unless that is impossible.

        Returns:
            Actions (B, H, A), their cost (B,), and the lowest cost of each iteration done (I, B).
        """
        done = max(stopped_at)
        history, plans, costs = [], [], []
        first = 0
        for block, calls in self.until(done):
            lowest, candidate = block.lowest(calls)
            per_iteration = block.stage.calls
            if per_iteration == 1:
                history.append(lowest)
            else:
                history.append(lowest.view(-1, per_iteration, self._batch).amin(dim=1))
            if min(stopped_at) < done:
                ends = sent(torch.tensor(stopped_at) - first, lowest.device)
                late = torch.arange(calls, device=lowest.device) // per_iteration
                lowest = lowest.masked_fill(late.unsqueeze(1) >= ends, torch.inf)
            cost, call = lowest.min(dim=0)
            plans.append(block.pick(call, candidate[call, block.problems]))
            costs.append(cost)
            first += block.stage.iterations
        plan, cost = plans[0], costs[0]
        for other, its in zip(plans[1:], costs[1:], strict=True):
            better = its < cost
            plan = torch.where(better.unsqueeze(1), other, plan)
            cost = torch.where(better, its, cost.to(its))
        if not (self._at_once and bool(learned.all())):
            block = self.blocks[0]
            start = block.costs[0, :, 0]
            known = learned | (start == torch.inf)
            plan = torch.where(known.unsqueeze(1), plan, block.candidates[0, :, 0])
            cost = torch.where(known, cost, start.to(cost))
        shape = (self._batch, self._problem.horizon, self._problem.action_dim)
        return plan.view(shape), cost, torch.cat(history)

    def last(self, stopped_at: list[int]) -> tuple[Tensor, Tensor]:
        """Return the candidates of the last iteration of each problem, without waiting.

        Args:
            stopped_at: Iterations that count, per problem.

        Returns:
            Actions (B, n, H, A) and their costs (B, n), if possible in the memory of the history.
            A problem whose last iteration had fewer candidates than another's is filled up with
            zeros that cost inf.
        """
        iterations = {done: self._of_iteration(done - 1) for done in stopped_at}
        if len(iterations) == 1:
            return iterations[stopped_at[0]]
        shape = max(actions.shape for actions, _ in iterations.values())
        all_costs = [costs for _, costs in iterations.values()]
        dtype = max((costs.dtype for costs in all_costs), key=lambda kept: kept.itemsize)
        actions = next(iter(iterations.values()))[0].new_zeros(shape)
        costs = all_costs[0].new_full(shape[:2], torch.inf, dtype=dtype)
        for problem, done in enumerate(stopped_at):
            its_actions, its_costs = iterations[done]
            count = its_costs.shape[1]
            actions[problem, :count] = its_actions[problem]
            costs[problem, :count] = its_costs[problem]
        return actions, costs

    def _of_iteration(self, number: int) -> tuple[Tensor, Tensor]:
        """Return the candidates (B, n, H, A) of all calls of an iteration, and their costs."""
        block, calls = self.calls[number]
        if len(calls) == 1:
            return block.actions[calls[0]], block.costs[calls[0]]
        some = slice(calls.start, calls.stop)
        costs = block.costs[some].transpose(0, 1).flatten(1)
        actions = block.candidates[some].transpose(0, 1).flatten(1, 2)
        return actions.view(*costs.shape, self._problem.horizon, self._problem.action_dim), costs

    def learned(self, done: int, ties: Ties) -> Tensor:
        """Return whether the costs of any call told a problem's candidates apart (B,).

        For a search that does not compare candidates: whether any costs of the plan differ.
        """
        blocks = self.until(done)
        if self.blocks[0].stage.samples > 1 and not ties.compares:
            costs = torch.cat([b.costs[:n].transpose(0, 1).flatten(1) for b, n in blocks], dim=1)
            return costs.amin(dim=1) < ties.threshold(costs).squeeze(1)
        told = [ties.told_apart(block.costs[:calls]).any(dim=0) for block, calls in blocks]
        return torch.stack(told).any(dim=0)
