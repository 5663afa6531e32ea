"""The report of a command: facts, results, an exit code; as text and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from wm_planner.cli.json_text import json_text
from wm_planner.cli.width import table_width, wrapped
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Answer, Fact, Note, Result
from wm_planner.explain import BUG
from wm_planner.message_limits import MAX_TEXT
from wm_planner.text import one_line

_NAMES = 14  # columns of the names of checks, unless one is longer
_LONGEST_NAME = 24


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
        """Return one JSON object."""
        sections = [
            {
                "title": section.title,
                "facts": section.facts,
                "findings": [result._asdict() for result in section.results],
                "notes": section.notes,
            }
            for section in self.sections
        ]
        return json_text({"sections": sections, "exit_code": self.exit_code})

    def to_text(self, *, quiet: bool = False) -> str:
        """Return the text for a terminal, with ``quiet`` without notes."""
        warnings, stops = self.count(WARN), self.count(STOP)
        parts = [section_text(section, quiet=quiet) for section in self.sections]
        parts.append(f"{_counted(stops, 'problem')} and {_counted(warnings, 'warning')} found.")
        return "\n\n".join(parts)


def section_text(section: Section, *, quiet: bool = False) -> str:
    """Return one section as text: title, facts in two columns, table, with ``quiet`` no notes.

    All but the title is in lines no longer than ``table_width``. Much of it comes from files of
    others, so each entry is made printable, without line breaks of its own.
    """
    lines = [one_line(section.title, MAX_TEXT)]
    names = [one_line(name, _LONGEST_NAME) for name in section.facts]
    width = max(map(len, names), default=0)
    for name, value in zip(names, section.facts.values(), strict=True):
        for row, entry in enumerate(_rows(value)):
            lines += _entry(f"  {'' if row else name:<{width}}  ", entry)
    if section.results:
        lines += _table(section.results)
    if not quiet:
        for note in section.notes:
            lines += _entry("  Note: ", note)
    return "\n".join(lines)


def _entry(first: str, text: Any) -> list[str]:
    """Return a text in lines behind ``first``, below which its other lines are indented."""
    plain = one_line(str(text), MAX_TEXT)
    return wrapped(plain, table_width(), first=first, others=" " * len(first))


def _rows(value: Any) -> list[Any]:
    """Return a fact as lines: the entries of a list, or the names and numbers of a mapping."""
    if isinstance(value, dict):
        width = max(map(len, value), default=0)
        return [f"{name:<{width}}  {number:.4g}" for name, number in value.items()]
    return (value or ["-"]) if isinstance(value, list) else [value]


def _table(results: list[Result]) -> list[str]:
    """Return a heading, and the lines of each result, its sentence in a column of its own."""
    names = [one_line(result.name, _LONGEST_NAME) for result in results]
    width = max(_NAMES, *(len(name) + 1 for name in names))
    lines = [f"  {'check':<{width}}{'score':>9}{'limit':>9}  result"]
    for shown, (_, score, limit, verdict, sentence, evidence) in zip(names, results, strict=True):
        text = f"{verdict.upper()}: {sentence}" if verdict != OK else "ok"
        if verdict == OK and evidence:
            text += f": {evidence}"
        lines += _entry(f"  {shown:<{width}}{_number(score):>9}{_number(limit):>9}  ", text)
    return lines


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 9999 or math.isnan(value) else f"{value:.2g}"


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
