"""The measures of the planner benchmark: costs, closed loops, operations and times."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from planner.peers import Rule
from planner.problems import (
    ACTION,
    BOX,
    FAMILIES,
    HORIZON,
    Dynamics,
    Problems,
    make_problems,
    make_reference,
)
from wm_planner.planning import make_planner, shift


def ours(preset: str = "full", **settings: object) -> Rule:
    """A new planner for each call, cold or warm; never stops early, to use the whole budget."""

    def rule(
        problems: Problems, samples: int, iterations: int, warm: Tensor | None, seed: int
    ) -> Tensor:
        planner = build(preset, samples, iterations, seed, settings)
        return planner.plan(problems.cost, batch=len(problems), warm_start=warm).actions

    return rule


def build(preset, samples, iterations, seed, settings):
    values = {"num_samples": samples, "iterations": iterations, "patience": 0, **settings}
    if isinstance(values.get("num_elites"), float):
        values["num_elites"] = round(values["num_elites"] * samples)
    return make_planner(
        preset, action_dim=ACTION, horizon=HORIZON, bounds=(-BOX, BOX), seed=seed, **values
    )


def cem_gd(problems, samples, iterations, warm, seed):
    """A sixth of the rollouts is for the search; a gradient counts as three rollouts."""
    search_iterations = max(1, samples * iterations // 384)
    left = samples * iterations - 64 * search_iterations
    planner = make_planner(
        "cem_gd",
        action_dim=ACTION,
        horizon=HORIZON,
        bounds=(-BOX, BOX),
        seed=seed,
        search_samples=64,
        search_iterations=search_iterations,
        descent_samples=8,
        descent_iterations=max(1, left // 24),
    )
    return planner.plan(problems.cost, batch=len(problems), warm_start=warm).actions


def cold_costs(rule: Rule, problems: list[Problems], samples: int, iterations: int) -> list[float]:
    return [
        p.clamped_cost(rule(p, samples, iterations, None, seed)).mean().item()
        for seed, p in enumerate(problems)
    ]


def tracking(step: Callable, dynamics: Dynamics, kind: str, seed: int, count: int) -> float:
    """Mean squared distance to a moving reference over 20 steps; step(problems, t) -> plans."""
    reference = make_reference(dynamics, kind, seed, 20, count)
    state, errors = reference[0], []
    for t in range(20):
        actions = step(Problems(dynamics, state, reference[t + HORIZON]), t)
        state = dynamics(state, actions[:, 0].clamp(-BOX, BOX))
        errors.append((state - reference[t + 1]).square().mean())
    return torch.stack(errors).mean().item()


def follow(rule: Rule, samples: int, pad: str) -> Callable[[], Callable]:
    """A controller that plans with five iterations from its shifted previous plan."""

    def start() -> Callable:
        last: list[Tensor] = []

        def step(problems: Problems, t: int) -> Tensor:
            warm = shift(last.pop(), 1, pad=pad) if last else None
            last.append(rule(problems, samples, 5, warm, t))
            return last[0]

        return step

    return start


def follow_ours(samples: int, **settings: object) -> Callable[[], Callable]:
    """The same with one planner, which keeps its state from plan to plan."""

    def start() -> Callable:
        planner, last = build("full", samples, 5, 0, settings), []

        def step(problems: Problems, t: int) -> Tensor:
            warm = shift(last.pop()) if last else None
            plan = planner.plan(problems.cost, batch=len(problems), warm_start=warm)
            last.append(plan.actions)
            return last[0]

        return step

    return start


def closed_loop(start: Callable, kind: str, seeds: Sequence[int], count: int) -> list[float]:
    return [
        tracking(start(), Dynamics(seed, 128, **family), kind, seed, count)
        for family in FAMILIES.values()
        for seed in seeds
    ]


class OpCounter(TorchDispatchMode):
    """Counts every torch operation outside the cost, views included."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.on = 0, True

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += self.on
        return func(*args, **(kwargs or {}))

    def outside(self, cost: Callable) -> Callable:
        def quiet(actions: Tensor) -> Tensor:
            self.on = False
            costs = cost(actions)
            self.on = True
            return costs

        return quiet


def operations(preset: str, iterations: int) -> int:
    problems = make_problems(Dynamics(1, 128, **FAMILIES["tanh"]), "white", 1, 1)
    planner = build(preset, 300, iterations, 0, {"patience": 1000})
    with OpCounter() as counter:
        planner.plan(counter.outside(problems.cost))
    return counter.count


def overhead(rule: Rule, problems: Problems, samples: int, iterations: int, times: int) -> float:
    """Ratio of the lowest plan time to the lowest time of the same forwards alone, interleaved.

    It is the processor time of the thread, which other load on the machine disturbs less.
    """
    actions = torch.randn(1, samples, HORIZON, ACTION)
    plans, bare = [], []
    for _ in range(times):
        begin = time.thread_time()
        with torch.no_grad():
            rule(problems, samples, iterations, None, 0)
        middle = time.thread_time()
        with torch.no_grad():
            for _ in range(iterations):
                problems.cost(actions)
        plans.append(middle - begin)
        bare.append(time.thread_time() - middle)
    return min(plans) / min(bare)


def built(preset: str) -> Rule:
    """A planner that is built once, as in the node."""
    planner = build(preset, 300, 30, 0, {})

    def rule(problems, samples, iterations, warm, seed):
        return planner.plan(problems.cost).actions

    return rule


def diverging(problems: Problems) -> Problems:
    """The same problems under a model that returns NaN if an action is above 1.2."""

    class Diverging(Problems):
        def cost(self, actions: Tensor) -> Tensor:
            bad = (actions > 1.2).any(-1).any(-1)
            return super().cost(actions).masked_fill(bad, torch.nan)

    return Diverging(problems.dynamics, problems.start, problems.goal)
