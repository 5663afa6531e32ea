"""What a planner costs beside the model: time and torch operations; and models that diverge."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from planner.families import Problems, first_draws
from planner.families.residual import Size, residual
from planner.rules import Rule, preset
from wm_planner.planning import make_planner

BUDGET = (300, 30)
PRESETS = ("full", "dino_wm", "mppi")


def wide_problem() -> Problems:
    """One problem with a hidden width of 512, to measure times."""
    return residual(Size("tanh", 0.5, "white", hidden=512))(1, 1)


class OpCounter(TorchDispatchMode):
    """Counts every torch operation outside the cost, views included."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.on = 0, True

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += self.on
        return func(*args, **(kwargs or {}))

    def outside(self, cost: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def quiet(actions: Tensor) -> Tensor:
            self.on = False
            costs = cost(actions)
            self.on = True
            return costs

        return quiet


def operations(name: str, iterations: int) -> int:
    """Return the operations of a whole plan of a preset outside the cost, at 300 candidates."""
    problem = residual(Size("tanh", 0.5, "white"))(1, 1)
    planner = make_planner(
        name,
        action_dim=problem.actions,
        horizon=problem.horizon,
        bounds=(-2.0, 2.0),
        num_samples=300,
        iterations=iterations,
        patience=1000,
    )
    with OpCounter() as counter:
        planner.plan(counter.outside(problem.cost))
    return counter.count


def operations_per_iteration() -> dict[str, tuple[float, float]]:
    """Return per preset the average over 30 iterations, and what one more iteration adds."""
    counts = {name: (operations(name, 10), operations(name, 30)) for name in PRESETS}
    return {name: (many / 30, (many - few) / 20) for name, (few, many) in counts.items()}


def overheads(rules: Sequence[Rule], times: int) -> dict[str, float]:
    """Return the overhead of each rule and preset on the wide problem."""
    timed = {rule.name: rule for rule in rules if rule.peer}
    timed |= {name: Rule(name, preset(name), peer=False) for name in PRESETS}
    return {name: overhead(rule, wide_problem(), times) for name, rule in timed.items()}


def overhead(rule: Rule, problem: Problems, times: int) -> float:
    """Return the lowest time of a plan over that of the same forwards alone, interleaved.

    It is the processor time of the thread, which other load on the machine disturbs less.
    """
    actions = first_draws(problem, BUDGET[0])
    search, plans, bare = rule.start(problem, BUDGET, 0), [], []
    for _ in range(times):
        begin = time.thread_time()
        with torch.no_grad():
            search(problem, None)
        middle = time.thread_time()
        with torch.no_grad():
            for _ in range(BUDGET[1]):
                problem.cost(actions)
        plans.append(middle - begin)
        bare.append(time.thread_time() - middle)
    return min(plans) / min(bare)


@dataclass(frozen=True)
class Diverging(Problems):
    """Other problems under a model that returns NaN if an action is above 1.2."""

    inner: Problems

    def __len__(self) -> int:
        return len(self.inner)

    def true_cost(self, actions: Tensor) -> Tensor:
        bad = (actions > 1.2).any(dim=-1).any(dim=-1)
        return self.inner.true_cost(actions).masked_fill(bad, torch.nan)

    def one(self, index: int) -> Diverging:
        return Diverging(self.horizon, self.actions, self.inner.one(index))


def bad_plans(rules: Sequence[Rule], count: int) -> dict[str, tuple[int, int]]:
    """Return per rule the plans that are NaN or cost NaN under such a model, and all of them."""
    inner = residual(Size("tanh", 0.5, "white"))(101, count)
    problems = Diverging(inner.horizon, inner.actions, inner)
    found = {}
    for rule in rules:
        if rule.loops or not rule.peer:  # the others call the dynamics, which do not diverge
            plans = rule.start(problems, (300, 10), 0)(problems, None)
            bad = (~plans.isfinite()).flatten(1).any(dim=1) | ~problems.judge(plans).isfinite()
            found[rule.name] = (int(bad.sum()), count)
    return found
