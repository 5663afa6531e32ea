"""What a command found out: facts, findings, an exit code; as text and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from wm_planner.camera_contract import Finding
from wm_planner.diagnosis.result import OK, STOP, WARN, Result, judge

__all__ = ["OK", "Report", "Result", "Section", "judge", "of_contract", "section_text"]


def of_contract(findings: Iterable[Finding]) -> list[Result]:
    """The camera contract's measurements as results."""
    return [
        judge(f.name, f.score, f.threshold, f.severity if f.found else OK, f.sentence)
        for f in findings
    ]


@dataclass
class Section:
    """One thing that was examined: an image, a topic, a model.

    Attributes:
        title: What it is.
        facts: What is known about it, in the order of printing.
        results: The findings, good ones included.
        notes: Sentences that explain the table.
    """

    title: str
    facts: dict[str, Any] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Report:
    """All that a command prints."""

    sections: list[Section] = field(default_factory=list)

    def count(self, verdict: str) -> int:
        """Findings of this verdict."""
        return sum(r.verdict == verdict for s in self.sections for r in s.results)

    @property
    def exit_code(self) -> int:
        """0 without findings, 1 with warnings only, 2 with one that stops."""
        return 2 if self.count(STOP) else 1 if self.count(WARN) else 0

    def to_json(self) -> str:
        """One JSON object; a number that is not finite becomes null."""
        sections = [
            {
                "title": section.title,
                "facts": section.facts,
                "findings": [_plain(result) for result in section.results],
                "notes": section.notes,
            }
            for section in self.sections
        ]
        return json.dumps({"sections": sections, "exit_code": self.exit_code}, indent=2)

    def to_text(self) -> str:
        """For a person at a terminal."""
        warnings, stops = self.count(WARN), self.count(STOP)
        parts = [section_text(section) for section in self.sections]
        parts.append(f"{_counted(stops, 'problem')} and {_counted(warnings, 'warning')} found.")
        return "\n\n".join(parts)


def section_text(section: Section) -> str:
    """One section: its title, its facts in two columns, its table, its notes."""
    lines = [section.title]
    width = max(map(len, section.facts), default=0)
    for name, value in section.facts.items():
        for row, entry in enumerate(_rows(value)):
            lines.append(f"  {'' if row else name:<{width}}  {entry}")
    if section.results:
        lines += ["  " + line for line in _table(section.results)]
    return "\n".join(lines + [f"  Note: {note}" for note in section.notes])


def _rows(value: Any) -> list[Any]:
    """A fact as lines: each entry of a list, each name and number of a mapping."""
    if isinstance(value, dict):
        width = max(map(len, value), default=0)
        return [f"{name:<{width}}  {number:.4g}" for name, number in value.items()]
    return (value or ["-"]) if isinstance(value, list) else [value]


def _table(results: list[Result]) -> list[str]:
    """A line per finding, the columns of the camera contract's own table."""
    lines = [f"{'check':<14}{'score':>9}{'limit':>9}  result"]
    for name, score, limit, verdict, sentence, evidence in results:
        told = f"{verdict.upper()}: {sentence}" if verdict != OK else "ok"
        if verdict == OK and evidence:
            told += f": {evidence}"
        lines.append(f"{name:<14}{_number(score):>9}{_number(limit):>9}  {told}")
    return lines


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 9999 or math.isnan(value) else f"{value:.2g}"


def _plain(result: Result) -> dict[str, Any]:
    plain = result._asdict()
    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in plain.items()
    }


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
