"""What a planner costs beside the model: time and torch operations; and models that diverge."""

from __future__ import annotations

import math
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
FORWARDS = "forwards"


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
    """Return the operations of a plan of a preset outside the cost, at 300 candidates.

    It is the planner's second plan, because the first one makes what all use.
    """
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
    planner.plan(problem.cost)
    with OpCounter() as counter:
        planner.plan(counter.outside(problem.cost))
    return counter.count


def operations_per_iteration() -> dict[str, tuple[float, float]]:
    """Return per preset the average over 30 iterations, and what one more iteration adds."""
    counts = {name: (operations(name, 10), operations(name, 30)) for name in PRESETS}
    return {name: (many / 30, (many - few) / 20) for name, (few, many) in counts.items()}


def overheads(rules: Sequence[Rule], times: int) -> dict[str, float]:
    """Return the lowest time of a plan of each rule and preset over that of the forwards alone.

    They take turns, so that other load on the machine disturbs all of them alike. It is the
    processor time of the thread.
    """
    problem = wide_problem()
    actions = first_draws(problem, BUDGET[0])
    timed = [rule for rule in rules if rule.peer]
    timed += [Rule(name, preset(name), peer=False) for name in PRESETS]
    searches = {rule.name: rule.start(problem, BUDGET, 0) for rule in timed}
    runs: dict[str, Callable[[], object]] = {
        name: lambda search=search: search(problem, None) for name, search in searches.items()
    }
    runs[FORWARDS] = lambda: [problem.cost(actions) for _ in range(BUDGET[1])]
    lowest = dict.fromkeys(runs, math.inf)
    with torch.no_grad():
        for _ in range(times):
            for name, run in runs.items():
                begin = time.thread_time()
                run()
                lowest[name] = min(lowest[name], time.thread_time() - begin)
    bare = lowest.pop(FORWARDS)
    return {name: seconds / bare for name, seconds in lowest.items()}


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
