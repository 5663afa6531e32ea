"""What is compared: DINO-WM's rule, and this package's planners.

A rule starts a search of one size for some problems; the search is then called once (a cold plan),
or at every step with the shifted previous plan (a receding horizon), and keeps what it knows.

Planners of this package share their draws over a batch, so each problem gets a planner and a seed
of its own, also in closed loop. The other rules draw for each problem of a batch anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from planner.families import BOX, Budget, Family, Problems
from wm_planner.planning import make_planner

Search = Callable[[Problems, "Tensor | None"], Tensor]
"""From problems and the shifted previous plans (B, H, A), or None, to plans (B, H, A)."""


@dataclass(frozen=True)
class Rule:
    """A planner to compare.

    Attributes:
        name: In tables and on the command line.
        start: From the sizes of problems, a budget and a seed to a search.
        pad: How previous plans are filled up when they are shifted: ``zero`` or ``repeat``.
        peer: It is not of this package.
        ours: It is the default planner of this package.
        fits: Whether it can plan for a family at a budget.
        loops: Whether it is compared over receding horizons.
    """

    name: str
    start: Callable[[Problems, Budget, int], Search]
    pad: str = "zero"
    peer: bool = True
    ours: bool = False
    fits: Callable[[Family, Budget], bool] = lambda family, budget: True
    loops: bool = True


BASE = "DINO-WM's rule"
OURS = "full / online"


def dino_wm(best: bool = False, elites: int = 0) -> Callable[[Problems, Budget, int], Search]:
    """DINO-WM's rule; 0 elites stand for a tenth of the candidates.

    With ``best`` it returns the best candidate instead of the last mean; they are then clamped to
    the box before they are evaluated, as they are when a plan is executed.
    """

    def start(problems: Problems, budget: Budget, seed: int) -> Search:
        generator = torch.Generator().manual_seed(seed)
        samples, iterations = budget
        count = elites or max(2, samples // 10)
        rows = torch.arange(len(problems))

        def search(problems: Problems, warm: Tensor | None) -> Tensor:
            shape = (len(problems), samples, problems.horizon, problems.actions)
            mean = torch.zeros(shape[0], *shape[2:]) if warm is None else warm
            sigma, lowest, found = torch.ones_like(mean), torch.full(shape[:1], torch.inf), mean
            for _ in range(iterations):
                draws = torch.randn(shape, generator=generator)
                actions = draws * sigma.unsqueeze(1) + mean.unsqueeze(1)
                actions[:, 0] = mean
                if best:
                    actions = actions.clamp(-BOX, BOX)
                costs = problems.cost(actions)
                order = costs.argsort(dim=1)[:, :count]
                chosen = actions[rows.unsqueeze(1), order]
                first, cost = order[:, 0], costs[rows, order[:, 0]]
                found = torch.where((cost < lowest).view(-1, 1, 1), actions[rows, first], found)
                lowest = torch.fmin(lowest, cost)
                mean, sigma = chosen.mean(dim=1), chosen.std(dim=1)
            return found if best else mean

        return search

    return start


def preset(name: str, **settings: object) -> Callable[[Problems, Budget, int], Search]:
    """A preset of this package; it never stops early, to use the whole budget."""

    def sizes(budget: Budget) -> dict[str, object]:
        return {"num_samples": budget[0], "iterations": budget[1], "patience": 0, **settings}

    return one_by_one(name, sizes)


def cem_gd_sizes(budget: Budget) -> dict[str, object]:
    """A sixth of the rollouts is for the search; a gradient counts as three rollouts."""
    rollouts = budget[0] * budget[1]
    search = max(1, rollouts // 384)
    return {
        "search_samples": 64,
        "search_iterations": search,
        "descent_samples": 8,
        "descent_iterations": max(1, (rollouts - 64 * search) // 24),
    }


def one_by_one(
    name: str, sizes: Callable[[Budget], dict[str, object]]
) -> Callable[[Problems, Budget, int], Search]:
    """A preset with a planner and a seed for each problem; its settings follow from a budget."""

    def start(problems: Problems, budget: Budget, seed: int) -> Search:
        values = sizes(budget)
        if isinstance(values.get("num_elites"), float):
            values["num_elites"] = round(values["num_elites"] * budget[0])
        planners = [
            make_planner(
                name,
                action_dim=problems.actions,
                horizon=problems.horizon,
                bounds=(-BOX, BOX),
                seed=1000 * seed + b,
                **values,
            )
            for b in range(len(problems))
        ]

        def search(problems: Problems, warm: Tensor | None) -> Tensor:
            plans = [
                planner.plan(
                    problems.one(b).cost, warm_start=None if warm is None else warm[b : b + 1]
                ).actions
                for b, planner in enumerate(planners)
            ]
            return torch.cat(plans)

        return search

    return start


def own_rules() -> list[Rule]:
    """Return DINO-WM's rule and the presets of this package."""
    return [
        Rule(BASE, dino_wm()),
        Rule(f"{BASE} (best candidate)", dino_wm(best=True)),
        Rule(OURS, preset("full"), pad="repeat", peer=False, ours=True),
        Rule("mppi", preset("mppi"), pad="repeat", peer=False),
        Rule(
            "cem_gd",
            one_by_one("cem_gd", cem_gd_sizes),
            pad="repeat",
            peer=False,
            fits=lambda family, budget: family.smooth,
            loops=False,
        ),
    ]
