"""Exceptions of a check as results in the report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wm_planner.cli.report import Section
from wm_planner.diagnosis.check_result import STOP, Result
from wm_planner.planning import PlanError

EXPECTED = (OSError, PlanError, ValueError)
"""Files, planner, and the ``ValueError`` classes of data, model, recording and settings."""


@contextmanager
def errors_as_findings(section: Section, name: str) -> Iterator[None]:
    """Report an expected exception as a result called ``name`` that stops.

    Args:
        section: Takes the result.
        name: Name of the result.
    """
    try:
        yield
    except EXPECTED as error:
        section.add(Result(name, 1.0, 0.0, STOP, f"{str(error).rstrip('.')}."))
