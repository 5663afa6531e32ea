"""All cells of a run: which rules plan for which problems, and how many of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planner.families import FAMILIES, Family
from planner.measures import Record, loop_cell, plan_cell
from planner.rules import Rule

LOOP_SAMPLES = (64, 128)


@dataclass(frozen=True)
class Grid:
    """What is measured.

    Attributes:
        families: Names.
        seeds: Of the problems.
        fraction: Of each family's problems.
        plans: Measure plans from nothing.
        loops: Measure receding horizons.
    """

    families: tuple[str, ...]
    seeds: tuple[int, ...]
    fraction: float = 1.0
    plans: bool = True
    loops: bool = True

    def count(self, family: Family) -> int:
        """Return the problems of a group per seed."""
        return max(2, round(self.fraction * family.count))

    def measure(self, rules: Sequence[Rule]) -> list[Record]:
        """Measure all cells; the progress goes to stderr."""
        records, begin = [], time.monotonic()
        for name in self.families:
            family = FAMILIES[name]
            if self.plans:
                records += self._plans(family, rules)
            if self.loops:
                records += self._loops(family, rules)
            print(f"{name}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
        return records

    def _plans(self, family: Family, rules: Sequence[Rule]) -> Iterator[Record]:
        for group in family.groups():
            for budget in family.budgets:
                for rule in rules:
                    if rule.fits(family, budget):
                        yield plan_cell(family, group, budget, rule, self.seeds, self.count(family))

    def _loops(self, family: Family, rules: Sequence[Rule]) -> Iterator[Record]:
        if not family.loops:
            return
        for samples in LOOP_SAMPLES:
            for rule in rules:
                if rule.loops:
                    yield loop_cell(family, samples, rule, self.seeds, self.count(family))
