"""Benchmark of the planners: ratios to DINO-WM's rule on the same problems in the same run.

    python benchmarks/planner.py                      everything, about half an hour on one core
    python benchmarks/planner.py --quick --no-peers   a look, about two minutes

Problems: residual MLP dynamics (latent 64, action 6, horizon 5), box of two around unit sigma,
terminal mean squared distance, goals by hidden actions that are 'white' (independent per step) or
'smooth'. Costs are those of the returned plan after clamping to the box. A ratio is a mean cost
over a mean cost of DINO-WM's rule; given are the geometric mean over models and the worst model.
"""

from __future__ import annotations

import argparse
import datetime
import math
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from planner_measures import (
    built,
    cem_gd,
    closed_loop,
    cold_costs,
    diverging,
    follow,
    follow_ours,
    operations,
    ours,
    overhead,
)
from planner_peers import Rule, dino_wm, peers
from planner_problems import FAMILIES, Dynamics, Problems, make_problems
from planner_report import Report, plot

ROOT = Path(__file__).resolve().parents[1]
SEEDS = (101, 102)
KINDS = ("white", "smooth")
BUDGETS = ((300, 30), (64, 10), (64, 5), (128, 5), (128, 10), (100, 20), (300, 10))
OPTIONS: dict[str, dict[str, object]] = {
    "as it is": {},
    "gaussian draws": {"draws": "gaussian"},
    "diagonal covariance": {"covariance": "diagonal"},
    "no learning of the covariance": {"learning_rate": 0.0, "warm_learning_rate": 0.0},
    "no repulsion": {"repulsion": 0.0},
    "no momentum": {"momentum": 0.0},
    "a tenth as elites": {"num_elites": 0.1},
    "half as elites": {"num_elites": 0.5},
    "narrower shape_fraction 0.3": {"shape_fraction": 0.3},
    "constant width": {"final_sigma": 1.0},
    "even narrowing (haste 1)": {"haste": 1.0},
    "color 0.5": {"color": 0.5},
    "warm sigma 1": {"warm_sigma": 1.0},
    "warm sigma 0.3": {"warm_sigma": 0.3},
    "warm tail as narrow as the rest": {"warm_tail_sigma": 0.6},
    "no carried covariance": {"carry": 0.0},
}
"""Each setting changed alone; a fraction as num_elites is one of the samples."""


def mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def ratio(values: Sequence[float]) -> str:
    return f"{mean(values):.2f} ({max(values):.2f})"


def all_problems(seeds: Sequence[int], count: int) -> dict[str, list[Problems]]:
    return {
        kind: [
            make_problems(Dynamics(seed, 128, **family), kind, seed, count)
            for family in FAMILIES.values()
            for seed in seeds
        ]
        for kind in KINDS
    }


def wide_problem() -> Problems:
    """One problem with a hidden width of 512, for times."""
    return make_problems(Dynamics(1, 512, **FAMILIES["tanh"]), "white", 1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed, few problems")
    parser.add_argument("--no-peers", action="store_true", help="install and run no peers")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    parser.add_argument("--seeds", type=int, nargs="+", help="model seeds (default 101 102)")
    parser.add_argument("--only-overhead", action="store_true", help="print that part and end")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.only_overhead:
        timed = {"DINO-WM's rule, a tenth as elites": dino_wm()}
        timed |= {preset: built(preset) for preset in ("full", "mppi", "dino_wm")}
        for name, rule in timed.items():
            print(f"{name}: {overhead(rule, wide_problem(), 300, 30, 15):.3f}", flush=True)
        return
    seeds = arguments.seeds or (SEEDS[:1] if arguments.quick else SEEDS)
    count = 6 if arguments.quick else 20
    rules: dict[str, Rule] = {
        "DINO-WM's rule, a tenth as elites": dino_wm(),
        "DINO-WM's rule, 30 elites": dino_wm(30),
        "**online / full**": ours(),
        "mppi": ours("mppi"),
        "cem_gd": cem_gd,
        "dino_wm": ours("dino_wm", num_elites=0.1),
    }
    if not arguments.no_peers:
        rules |= peers(ROOT / "outputs" / "planner_peers")
    begin = time.monotonic()
    report = Report(arguments.date, seeds, count, " ".join(["python", *sys.argv]))
    problems = all_problems(seeds, count)
    base = {
        (kind, budget): cold_costs(dino_wm(), problems[kind], *budget)
        for kind in KINDS
        for budget in BUDGETS
    }

    table: dict[str, dict[tuple[str, tuple[int, int]], list[float]]] = {}
    for name, rule in rules.items():
        slow = name.startswith("pytorch-")
        table[name] = {}
        for kind in KINDS:
            for budget in BUDGETS[1:4] if slow else BUDGETS:
                costs = cold_costs(rule, problems[kind], *budget)
                paper = base[kind, (300, 30)]
                table[name][kind, budget] = [
                    *(c / b for c, b in zip(costs, base[kind, budget], strict=True)),
                    *(c / b for c, b in zip(costs, paper, strict=True)),
                ]
        print(name, f"{time.monotonic() - begin:.0f} s", flush=True)
    half = len(seeds) * len(FAMILIES)
    report.costs(
        {n: {k: ratio(v[:half]) for k, v in row.items()} for n, row in table.items()}, BUDGETS
    )
    to_paper = {n: {k: mean(v[half:]) for k, v in row.items()} for n, row in table.items()}
    report.rollouts(to_paper, BUDGETS)

    loops: dict[str, list[str]] = {}
    for samples in (64, 128):
        pads = {"zero": "zero", "repeat": "repeat"}
        runs = {
            f"DINO-WM's rule, a tenth as elites, {p}": follow(dino_wm(), samples, p) for p in pads
        }
        runs["**online** (warm)"] = follow_ours(samples)
        runs["online, sigma 1 on a warm start, nothing carried"] = follow_ours(
            samples, warm_sigma=1.0, carry=0.0
        )
        runs |= {
            name: follow(rule, samples, "zero")
            for name, rule in rules.items()
            if name.startswith("stable")
        }
        errors = {
            name: {kind: closed_loop(start, kind, seeds, count // 2) for kind in KINDS}
            for name, start in runs.items()
        }
        first = errors["DINO-WM's rule, a tenth as elites, zero"]
        for name, row in errors.items():
            for kind in KINDS:
                pairs = zip(row[kind], first[kind], strict=True)
                loops.setdefault(name, []).append(ratio([a / b for a, b in pairs]))
        print("closed loop", samples, f"{time.monotonic() - begin:.0f} s", flush=True)
    report.closed_loop(loops)

    wide = wide_problem()
    timed = {name: rule for name, rule in rules.items() if name != "cem_gd"}
    timed |= {preset: built(preset) for preset in ("full", "mppi", "dino_wm")}
    timed = {name: rule for name, rule in timed.items() if "**" not in name}
    repeats = 6 if arguments.quick else 15
    report.overhead(
        {name: overhead(rule, wide, 300, 30, repeats) for name, rule in timed.items()},
        {
            preset: (
                operations(preset, 30) / 30,
                (operations(preset, 30) - operations(preset, 10)) / 20,
            )
            for preset in ("full", "dino_wm", "mppi")
        },
    )

    robust = {}
    for name, rule in rules.items():
        if name.startswith("pytorch-"):
            continue
        plans = [(p, rule(diverging(p), 300, 10, None, 0)) for p in problems["white"][:2]]
        bad = sum(
            int((~plan.isfinite()).flatten(1).any(1).logical_or(cost.isnan()).sum())
            for p, plan in plans
            for cost in [diverging(p).clamped_cost(plan)]
        )
        robust[name] = (bad, sum(len(p) for p, _ in plans))
    report.robust(robust)

    options = {}
    loop = {k: closed_loop(follow(dino_wm(), 64, "zero"), k, seeds, count // 2) for k in KINDS}
    for name, change in OPTIONS.items():
        row = []
        for budget in ((300, 30), (64, 10)):
            for kind in KINDS:
                costs = cold_costs(ours(**change), problems[kind], *budget)
                row.append(mean([c / b for c, b in zip(costs, base[kind, budget], strict=True)]))
        for kind in KINDS:
            errors = closed_loop(follow_ours(64, **change), kind, seeds, count // 2)
            row.append(mean([e / b for e, b in zip(errors, loop[kind], strict=True)]))
        options[name] = row
    report.options(options)
    report.machine(
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} "
        f"thread, torch {torch.__version__}, {time.monotonic() - begin:.0f} s"
    )
    folder = ROOT / "benchmarks" / "results"
    target = folder / f"planner-{arguments.date}.md"
    target.write_text(report.text())
    plot(to_paper, BUDGETS, folder / f"planner-{arguments.date}.svg")
    print(report.text())


if __name__ == "__main__":
    main()
