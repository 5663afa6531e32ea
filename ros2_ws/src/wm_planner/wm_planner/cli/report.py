"""The report of a command: facts, results, an exit code; as text and as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from wm_planner.diagnosis.check_result import OK, STOP, WARN, Answer, Fact, Note, Result
from wm_planner.explain import BUG
from wm_planner.message_limits import MAX_TEXT
from wm_planner.text import one_line


@dataclass
class Section:
    """One thing that was examined: an image, a topic, a model.

    Attributes:
        title: Its kind and name.
        facts: What is known about it, in the order of printing.
        results: The results of its checks, good ones included.
        notes: Sentences that help to read the table.
        bug: A check has failed by a bug.
    """

    title: str
    facts: dict[str, Any] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bug: bool = False

    def add(self, answer: Answer) -> None:
        """Add what a check returned."""
        if isinstance(answer, Fact):
            self.facts[answer.name] = answer.value
        elif isinstance(answer, Note):
            self.notes.append(answer.sentence)
        else:
            self.results.append(answer)


@dataclass
class Report:
    """Everything that a command prints."""

    sections: list[Section] = field(default_factory=list)

    def count(self, verdict: str) -> int:
        """Return the number of results with this verdict."""
        return sum(r.verdict == verdict for s in self.sections for r in s.results)

    @property
    def exit_code(self) -> int:
        """0 if nothing was found, 1 for warnings only, 2 for a problem, BUG if a check has one."""
        if any(section.bug for section in self.sections):
            return BUG
        return 2 if self.count(STOP) else 1 if self.count(WARN) else 0

    def to_json(self) -> str:
        """Return one JSON object; a number that is not finite becomes null."""
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
        """Return the text for a terminal."""
        warnings, stops = self.count(WARN), self.count(STOP)
        parts = [section_text(section) for section in self.sections]
        parts.append(f"{_counted(stops, 'problem')} and {_counted(warnings, 'warning')} found.")
        return "\n\n".join(parts)


def section_text(section: Section) -> str:
    """Return one section as text: title, facts in two columns, table, notes.

    Much of it comes from files of others, so each entry is made one printable line.
    """
    lines = [section.title]
    width = max(map(len, section.facts), default=0)
    for name, value in section.facts.items():
        for row, entry in enumerate(_rows(value)):
            lines.append(f"  {'' if row else name:<{width}}  {entry}")
    if section.results:
        lines += ["  " + line for line in _table(section.results)]
    lines += [f"  Note: {note}" for note in section.notes]
    return "\n".join(one_line(line, MAX_TEXT) for line in lines)


def _rows(value: Any) -> list[Any]:
    """Return a fact as lines: the entries of a list, or the names and numbers of a mapping."""
    if isinstance(value, dict):
        width = max(map(len, value), default=0)
        return [f"{name:<{width}}  {number:.4g}" for name, number in value.items()]
    return (value or ["-"]) if isinstance(value, list) else [value]


def _table(results: list[Result]) -> list[str]:
    """Return a heading, and a line for each result."""
    lines = [f"{'check':<14}{'score':>9}{'limit':>9}  result"]
    for name, score, limit, verdict, sentence, evidence in results:
        shown = f"{verdict.upper()}: {sentence}" if verdict != OK else "ok"
        if verdict == OK and evidence:
            shown += f": {evidence}"
        lines.append(f"{name:<14}{_number(score):>9}{_number(limit):>9}  {shown}")
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
