"""The records of a run, looked up and compared cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.families import FAMILIES, Budget
from planner.measures import Record
from planner.rules import BASE, OURS
from planner.stats import geometric_mean, ratios

Cell = tuple[str, str, str, Budget]


@dataclass(frozen=True)
class Row:
    """Cells that differ only in the budget."""

    kind: str
    family: str
    group: str

    @property
    def label(self) -> str:
        what = "receding horizon" if self.kind == "loop" else self.group
        return f"{self.family}, {what}"

    def cell(self, budget: Budget) -> Cell:
        return self.kind, self.family, self.group, budget


@dataclass(frozen=True)
class Comparison:
    """The default planner and the best other rule of a cell: its name, and the ratios of costs."""

    other: str
    ratios: list[float]


@dataclass(frozen=True)
class Solved:
    """How many of ``total`` the default planner and the best other rule of a cell solved."""

    other: str
    ours: int
    others: int
    total: int


class Results:
    """All records of a run."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = list(records)
        self._found = {(record.cell, record.rule): record for record in records}

    def of(self, kind: str, family: str, group: str) -> list[Record]:
        return [r for r in self.records if r.cell[:3] == (kind, family, group)]

    def families(self) -> list[str]:
        return list(dict.fromkeys(record.family for record in self.records))

    def rules(self) -> list[str]:
        return list(dict.fromkeys(record.rule for record in self.records))

    def budgets(self) -> list[Budget]:
        """Return all budgets, those of the most rollouts first."""
        return sorted({r.budget for r in self.records}, key=lambda b: (-b[0] * b[1], b))

    def rows(self) -> list[Row]:
        return [Row(*key) for key in dict.fromkeys(r.cell[:3] for r in self.records)]

    def compare(self, cell: Cell, others: Sequence[str]) -> Comparison | None:
        """Compare costs with the rule of the lowest geometric mean in this cell, chosen after."""
        floor, ours = FAMILIES[cell[1]].floor, self._found.get((cell, OURS))
        there = [r for name in others if (r := self._found.get((cell, name))) is not None]
        if ours is None or not there:
            return None
        best = min(there, key=lambda r: geometric_mean([max(c, floor) for c in r.costs]))
        return Comparison(best.rule, ratios(ours.costs, best.costs, floor))

    def compare_solved(self, cell: Cell, others: Sequence[str]) -> Solved | None:
        """Compare with the rule that solved the most in this cell, chosen after."""
        ours = self._found.get((cell, OURS))
        there = [r for name in others if (r := self._found.get((cell, name))) is not None]
        if ours is None or ours.solved is None or not there:
            return None
        best = max(there, key=lambda r: sum(r.solved or ()))
        return Solved(best.rule, sum(ours.solved), sum(best.solved or ()), len(ours.solved))

    def rollouts_to_base(self, family: str, rule: str, budget: Budget) -> int | None:
        """Return the fewest rollouts that cost no more than DINO-WM's rule at a budget."""
        base = self._found.get((("plan", family, "tuned sizes", budget), BASE))
        if base is None:
            return None
        floor = FAMILIES[family].floor
        enough = [
            record.budget[0] * record.budget[1]
            for record in self.of("plan", family, "tuned sizes")
            if record.rule == rule
            and geometric_mean(ratios(record.costs, base.costs, floor)) <= 1.0
        ]
        return min(enough, default=None)
