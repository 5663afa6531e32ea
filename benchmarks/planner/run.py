"""The run of the planner benchmark: all planners on all problems, and the report.

Problems: residual MLP dynamics (latent 64, action 6, horizon 5), box of two around unit sigma,
terminal mean squared distance. The goals come from hidden actions that are 'white' (independent
per step) or 'smooth'. Costs are those of the returned plan after clamping to the box. A ratio is a
mean cost over the mean cost of DINO-WM's rule; reported are the geometric mean over models and the
worst model.
"""

from __future__ import annotations

import argparse
import datetime
import math
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from planner.measures import (
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
from planner.peers import Rule, dino_wm, peers
from planner.problems import FAMILIES, Dynamics, Problems, make_problems
from planner.report import Report, plot

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (101, 102)
KINDS = ("white", "smooth")
BASE = "DINO-WM's rule, a tenth as elites"
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
"""Changes of one setting each; num_elites is a fraction of the samples."""


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
    """One problem with a hidden width of 512, to measure times."""
    return make_problems(Dynamics(1, 512, **FAMILIES["tanh"]), "white", 1, 1)


def ratios(values: Sequence[float], base: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(values, base, strict=True)]


class Run:
    """The planners, the problems and the costs of DINO-WM's rule on them.

    Attributes:
        report: Filled by the methods.
        to_paper: Costs over those of DINO-WM's rule with 9,000 rollouts, for the plot.
    """

    def __init__(self, seeds: Sequence[int], count: int, rules: dict[str, Rule], report: Report):
        self.seeds, self.count, self.rules, self.report = seeds, count, rules, report
        self.begin = time.monotonic()
        self.problems = all_problems(seeds, count)
        self.base = {
            (kind, budget): cold_costs(dino_wm(), self.problems[kind], *budget)
            for kind in KINDS
            for budget in BUDGETS
        }
        self.to_paper: dict[str, dict[tuple[str, tuple[int, int]], float]] = {}

    def costs(self) -> None:
        table: dict[str, dict[tuple[str, tuple[int, int]], str]] = {}
        for name, rule in self.rules.items():
            table[name], self.to_paper[name] = {}, {}
            slow = name.startswith("pytorch-")
            for kind in KINDS:
                for budget in BUDGETS[1:4] if slow else BUDGETS:
                    costs = cold_costs(rule, self.problems[kind], *budget)
                    table[name][kind, budget] = ratio(ratios(costs, self.base[kind, budget]))
                    paper = ratios(costs, self.base[kind, (300, 30)])
                    self.to_paper[name][kind, budget] = mean(paper)
            self.progress(name)
        self.report.costs(table, BUDGETS)
        self.report.rollouts(self.to_paper, BUDGETS)

    def closed_loops(self) -> None:
        loops: dict[str, list[str]] = {}
        for samples in (64, 128):
            runs = {f"{BASE}, {pad}": follow(dino_wm(), samples, pad) for pad in ("zero", "repeat")}
            runs["**online** (warm)"] = follow_ours(samples)
            runs["online, sigma 1 on a warm start, nothing carried"] = follow_ours(
                samples, warm_sigma=1.0, carry=0.0
            )
            runs |= {
                name: follow(rule, samples, "zero")
                for name, rule in self.rules.items()
                if name.startswith("stable")
            }
            errors = {
                name: {kind: self.closed_loop(start, kind) for kind in KINDS}
                for name, start in runs.items()
            }
            first = errors[f"{BASE}, zero"]
            for name, row in errors.items():
                loops.setdefault(name, []).extend(
                    ratio(ratios(row[kind], first[kind])) for kind in KINDS
                )
            self.progress(f"closed loop {samples}")
        self.report.closed_loop(loops)

    def overhead(self, repeats: int) -> None:
        wide = wide_problem()
        timed = {n: rule for n, rule in self.rules.items() if n != "cem_gd" and "**" not in n}
        timed |= {preset: built(preset) for preset in ("full", "mppi", "dino_wm")}
        counts = {}
        for preset in ("full", "dino_wm", "mppi"):
            few, many = operations(preset, 10), operations(preset, 30)
            counts[preset] = many / 30, (many - few) / 20
        times = {name: overhead(rule, wide, 300, 30, repeats) for name, rule in timed.items()}
        self.report.overhead(times, counts)

    def robustness(self) -> None:
        robust = {}
        for name, rule in self.rules.items():
            if name.startswith("pytorch-"):
                continue
            plans = [(p, rule(diverging(p), 300, 10, None, 0)) for p in self.problems["white"][:2]]
            bad = sum(
                int((~plan.isfinite()).flatten(1).any(1).logical_or(cost.isnan()).sum())
                for p, plan in plans
                for cost in [diverging(p).clamped_cost(plan)]
            )
            robust[name] = (bad, sum(len(p) for p, _ in plans))
        self.report.robust(robust)

    def options(self) -> None:
        loop = {kind: self.closed_loop(follow(dino_wm(), 64, "zero"), kind) for kind in KINDS}
        options = {}
        for name, change in OPTIONS.items():
            row = []
            for budget in ((300, 30), (64, 10)):
                for kind in KINDS:
                    costs = cold_costs(ours(**change), self.problems[kind], *budget)
                    row.append(mean(ratios(costs, self.base[kind, budget])))
            for kind in KINDS:
                errors = self.closed_loop(follow_ours(64, **change), kind)
                row.append(mean(ratios(errors, loop[kind])))
            options[name] = row
        self.report.options(options)

    def closed_loop(self, start: Callable, kind: str) -> list[float]:
        return closed_loop(start, kind, self.seeds, self.count // 2)

    def progress(self, what: str) -> None:
        print(what, f"{time.monotonic() - self.begin:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the planners with DINO-WM's rule.")
    parser.add_argument("--quick", action="store_true", help="use one seed and few problems")
    parser.add_argument("--no-peers", action="store_true", help="do not install and run the peers")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    parser.add_argument("--seeds", type=int, nargs="+", help="model seeds (default: 101 102)")
    parser.add_argument("--only-overhead", action="store_true", help="print only the overhead")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.only_overhead:
        timed = {BASE: dino_wm()}
        timed |= {preset: built(preset) for preset in ("full", "mppi", "dino_wm")}
        for name, rule in timed.items():
            print(f"{name}: {overhead(rule, wide_problem(), 300, 30, 15):.3f}", flush=True)
        return
    rules: dict[str, Rule] = {
        BASE: dino_wm(),
        "DINO-WM's rule, 30 elites": dino_wm(30),
        "**online / full**": ours(),
        "mppi": ours("mppi"),
        "cem_gd": cem_gd,
        "dino_wm": ours("dino_wm", num_elites=0.1),
    }
    if not arguments.no_peers:
        rules |= peers(ROOT / "outputs" / "planner_peers")
    seeds = arguments.seeds or (SEEDS[:1] if arguments.quick else SEEDS)
    count = 6 if arguments.quick else 20
    report = Report(arguments.date, seeds, count, " ".join(["python", *sys.argv]))
    run = Run(seeds, count, rules, report)
    run.costs()
    run.closed_loops()
    run.overhead(6 if arguments.quick else 15)
    run.robustness()
    run.options()
    report.machine(
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} "
        f"thread, torch {torch.__version__}, {time.monotonic() - run.begin:.0f} s"
    )
    folder = ROOT / "benchmarks" / "results"
    (folder / f"planner-{arguments.date}.md").write_text(report.text())
    plot(run.to_paper, BUDGETS, folder / f"planner-{arguments.date}.svg")
    print(report.text())
