"""What each option does: the default planner with one setting changed, on the tuned families."""

from __future__ import annotations

from planner.families import FAMILIES, Budget
from planner.measures import Record, loop_cell, plan_cell
from planner.rules import Rule, preset
from planner.stats import geometric_mean, ratios

OPTIONS: dict[str, dict[str, object]] = {
    "gaussian draws": {"draws": "gaussian"},
    "diagonal covariance": {"covariance": "diagonal"},
    "no learning of the covariance": {"learning_rate": 0.0, "warm_learning_rate": 0.0},
    "no repulsion": {"repulsion": 0.0},
    "step 1": {"step": 1.0},
    "a tenth as elites": {"num_elites": 0.1},
    "half as elites": {"num_elites": 0.5},
    "shape_fraction 0.3": {"shape_fraction": 0.3},
    "nothing looks elsewhere": {"broad": 0.0},
    "a fifth looks elsewhere": {"broad": 0.2},
    "white noise looks elsewhere": {"broad_color": 0.0},
    "no widening": {"widening": 1.0},
    "constant width": {"final_sigma": 1.0},
    "even narrowing (haste 1)": {"haste": 1.0},
    "color 0.5": {"color": 0.5},
    "warm sigma 1": {"warm_sigma": 1.0},
    "warm sigma 0.3": {"warm_sigma": 0.3},
    "warm tail as narrow as the rest": {"warm_tail_sigma": 0.6},
    "no carried covariance": {"carry": 0.0},
}
"""Changes of one setting each; num_elites is a fraction of the candidates."""

PLANS: tuple[tuple[str, Budget], ...] = (
    ("smooth, white goals", (300, 30)),
    ("smooth, smooth goals", (64, 10)),
    ("minima", (300, 30)),
    ("minima", (64, 10)),
    ("contact, far", (64, 10)),
    ("sparse", (64, 5)),
    ("two ways, narrow", (64, 10)),
    ("two ways, wide", (300, 30)),
    ("noisy", (128, 10)),
    ("plateaus", (128, 10)),
)
LOOPS = ("smooth, white goals", "smooth, smooth goals", "contact, far")
"""Families to follow over a receding horizon, with 64 candidates."""
SEEDS = (91, 92)
DEFAULT = "as it is"


def measure_options(count: int) -> tuple[list[str], dict[str, list[str]]]:
    """Return the heads of the columns, and per change its cells, with ``count`` problems a seed.

    A cell is the number of solved problems, or else the geometric mean of the cost over that of
    the default: above 1 the default is better.
    """
    rows = {
        name: _records(Rule(name, preset("full", **change), pad="repeat", peer=False), count)
        for name, change in {DEFAULT: {}, **OPTIONS}.items()
    }
    heads = [
        f"{'loop, ' if r.kind == 'loop' else ''}{r.family} {r.budget[0]}x{r.budget[1]}"
        + ("" if r.solved is None else f" (of {len(r.solved)})")
        for r in rows[DEFAULT]
    ]
    return heads, {
        name: [_cell(record, first) for record, first in zip(row, rows[DEFAULT], strict=True)]
        for name, row in rows.items()
    }


def _records(rule: Rule, count: int) -> list[Record]:
    plans = [
        plan_cell(FAMILIES[name], "tuned sizes", budget, rule, SEEDS, count)
        for name, budget in PLANS
    ]
    return plans + [loop_cell(FAMILIES[name], 64, rule, SEEDS, count) for name in LOOPS]


def _cell(record: Record, first: Record) -> str:
    if record.solved is not None:
        return str(sum(record.solved))
    floor = FAMILIES[record.family].floor
    return f"{geometric_mean(ratios(record.costs, first.costs, floor)):.2f}"
