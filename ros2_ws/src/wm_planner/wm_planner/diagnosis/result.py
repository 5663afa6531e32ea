"""What one check found out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wm_planner.camera_contract import STOP, WARN

OK = "ok"

__all__ = ["OK", "STOP", "WARN", "Result", "first_mend", "graded", "judge", "quoted"]


class Result(NamedTuple):
    """One finding, of whatever is examined.

    Attributes:
        name: Name of the check, stable.
        score: The measured number.
        limit: The number it is held against.
        verdict: ``ok``, ``warn`` or ``stop``.
        sentence: What is wrong and what to do; empty where the verdict is ``ok``.
        evidence: What was measured, in words; may stand beside any verdict.
    """

    name: str
    score: float
    limit: float
    verdict: str
    sentence: str = ""
    evidence: str = ""


def judge(
    name: str, score: float, limit: float, verdict: str, sentence: str, evidence: str = ""
) -> Result:
    """A finding with its verdict, or ``ok`` without a sentence where the verdict is that."""
    return Result(name, score, limit, verdict, "" if verdict == OK else sentence, evidence)


def graded(score: float, warn: float, stop: float) -> tuple[str, float]:
    """The verdict of a score that is bad when large, and the limit it is held against."""
    if score > stop:
        return STOP, stop
    return (WARN if score > warn else OK), warn


def quoted(causes: Sequence[str]) -> str:
    """Names of findings in a sentence."""
    return ", ".join(f"'{cause}'" for cause in causes)


def first_mend(causes: Sequence[str]) -> str:
    """What to do about a finding that others explain."""
    return f"Mend {quoted(causes)} first, then ask again."
