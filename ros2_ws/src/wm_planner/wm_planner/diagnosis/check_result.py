"""What a check returns: results, facts and notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from wm_planner.camera_contract import STOP, WARN

OK = "ok"

__all__ = ["OK", "STOP", "WARN", "Answer", "Fact", "Note", "Result"]
__all__ += ["fix_first", "graded", "judge", "quoted"]


class Result(NamedTuple):
    """The result of one check.

    Attributes:
        name: Stable name, for scripts.
        score: The measured number.
        limit: The number that the score is compared with.
        verdict: ``ok``, ``warn`` or ``stop``.
        sentence: What was measured, what that means and what to do; empty if the verdict is ``ok``.
        evidence: The measurement in words, for any verdict.
    """

    name: str
    score: float
    limit: float
    verdict: str
    sentence: str = ""
    evidence: str = ""


class Fact(NamedTuple):
    """Something known about what is examined.

    Attributes:
        name: Its name in the report.
        value: A string, a list of strings, or numbers by name.
    """

    name: str
    value: Any


class Note(NamedTuple):
    """A sentence that helps to read the results."""

    sentence: str


Answer = Result | Fact | Note


def judge(
    name: str, score: float, limit: float, verdict: str, sentence: str, evidence: str = ""
) -> Result:
    """Return a result that has the sentence only if the verdict is not ``ok``."""
    return Result(name, score, limit, verdict, "" if verdict == OK else sentence, evidence)


def graded(score: float, warn: float, stop: float) -> tuple[str, float]:
    """Return the verdict on a score that is bad if large, and the limit that decided."""
    if score > stop:
        return STOP, stop
    return (WARN if score > warn else OK), warn


def quoted(causes: Sequence[str]) -> str:
    """Return names of results, quoted, for a sentence."""
    return ", ".join(f"'{cause}'" for cause in causes)


def fix_first(causes: Sequence[str]) -> str:
    """Return the advice for a result that other results explain."""
    return f"Fix {quoted(causes)} first, then run the doctor again."
