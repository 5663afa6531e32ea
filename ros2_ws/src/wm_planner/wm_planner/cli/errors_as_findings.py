"""Exceptions of a check as results in the report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wm_planner.cli.report import Section
from wm_planner.diagnosis.check_result import STOP, Result
from wm_planner.explain import bug, explain


@contextmanager
def errors_as_findings(section: Section, name: str) -> Iterator[None]:
    """Report an exception as a result called ``name`` that stops; the other checks go on.

    Args:
        section: Takes the result.
        name: Name of the result.
    """
    try:
        yield
    except Exception as error:
        sentence = explain(error)
        if not sentence:
            section.bug = True
            sentence = f"This check failed by {bug(error)}"
        section.add(Result(name, 1.0, 0.0, STOP, f"{sentence.rstrip('.')}."))
