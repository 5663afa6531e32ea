"""Measurements: plans from nothing and receding horizons, problem by problem."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from planner.families import BOX, Budget, Family, Make, Moving
from planner.rules import Rule
from wm_planner.planning import shift

STEPS = 20
"""Plans of a receding horizon."""
LOOP_ITERATIONS = 5


@dataclass(frozen=True)
class Record:
    """What a rule reached on the problems of one cell.

    Attributes:
        kind: ``plan`` (one plan from nothing) or ``loop`` (a receding horizon).
        family: Its name.
        group: ``tuned sizes`` or ``other sizes``.
        budget: Candidates and iterations of a plan.
        rule: Its name.
        costs: True cost of the plan, or mean error over a loop, one per problem.
        solved: Whether the plan, or the end of a loop, solves the problem; None: it cannot.
    """

    kind: str
    family: str
    group: str
    budget: Budget
    rule: str
    costs: tuple[float, ...]
    solved: tuple[bool, ...] | None

    @property
    def cell(self) -> tuple[str, str, str, Budget]:
        return self.kind, self.family, self.group, self.budget

    @classmethod
    def read(cls, values: dict[str, Any]) -> Record:
        """Return a record from what JSON made of one."""
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})

    def values(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def share(count: int, makes: Iterable[Make]) -> list[tuple[Make, int]]:
    """Divide a number of problems among sizes; each gets at least two."""
    makes = list(makes)
    return [(make, max(2, count // len(makes))) for make in makes]


def plan_cell(
    family: Family, group: str, budget: Budget, rule: Rule, seeds: Sequence[int], count: int
) -> Record:
    """Plan once for each problem of a cell, of which there are ``count`` per seed."""
    costs, solved = [], []
    for seed in seeds:
        for make, number in share(count, family.groups()[group].values()):
            problems = make(seed, number)  # anew, because noisy ones have a state
            found = problems.judge(rule.start(problems, budget, seed)(problems, None))
            costs.append(found)
            solved.append(problems.solved(found))
    return _record("plan", family, group, budget, rule, costs, solved)


def loop_cell(family: Family, samples: int, rule: Rule, seeds: Sequence[int], count: int) -> Record:
    """Execute the first action of each of ``STEPS`` plans."""
    budget = (samples, LOOP_ITERATIONS)
    costs, solved = [], []
    for seed in seeds:
        for make, number in share(count, family.loops.values()):
            problems = make(seed, number)
            assert isinstance(problems, Moving)
            errors = follow(problems, rule, budget, seed)
            costs.append(errors.mean(dim=0))
            solved.append(problems.solved(errors[-1]))
    return _record("loop", family, "tuned sizes", budget, rule, costs, solved)


def follow(problems: Moving, rule: Rule, budget: Budget, seed: int) -> Tensor:
    """Return the errors (STEPS, B) after each step."""
    search, warm, errors = rule.start(problems, budget, seed), None, []
    for _ in range(STEPS):
        plans = search(problems, warm).clamp(-BOX, BOX)
        warm = shift(plans, 1, pad=rule.pad)
        problems = problems.after(plans[:, 0])
        errors.append(problems.error())
    return torch.stack(errors)


def _record(kind, family, group, budget, rule, costs, solved) -> Record:
    numbers = tuple(float(c) for c in torch.cat(costs))
    marks = None if solved[0] is None else tuple(bool(s) for s in torch.cat(solved))
    return Record(kind, family.name, group, budget, rule.name, numbers, marks)
