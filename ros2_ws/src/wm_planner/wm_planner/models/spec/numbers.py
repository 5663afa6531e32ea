"""Numbers and texts of ``model.yaml``: every number has a range, every text and list a length."""

from __future__ import annotations

from dataclasses import MISSING, field, fields
from numbers import Real
from typing import Any

import numpy as np

from wm_planner.message_limits import MAX_NAME, MAX_TEXT
from wm_planner.models.spec.errors import SpecError
from wm_planner.text import one_line

MAX_NUMBERS = 65_536
"""Entries of a list of numbers, e.g. of a latent."""
MAX_FREE = 1e12
"""Largest number in a section of the family's own."""
MAX_DEPTH = 16
"""Deepest nesting of such a section."""


def number(low: float, high: float, default: Any = MISSING) -> Any:
    """Declare a number from ``low`` to ``high``, both included, or a list of such numbers.

    Args:
        low: The least.
        high: The largest.
        default: Default value; a list is copied for every instance.
    """
    metadata = {"low": low, "high": high}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def check(section: Any, name: str) -> None:
    """Check the ranges of all numbers, and the lengths of texts and lists, of a section.

    Args:
        section: A dataclass whose numbers were declared with ``number``.
        name: Name of the section in ``model.yaml``, for errors; empty for the whole file.

    Raises:
        SpecError: Names the field, its value and what is allowed.
    """
    for item in fields(section):
        where = f"{name}.{item.name}" if name else item.name
        value = getattr(section, item.name)
        entries = value if isinstance(value, (list, np.ndarray)) else [value]
        if len(entries) > MAX_NUMBERS:
            raise SpecError(f"{where} has {len(entries)} entries; at most {MAX_NUMBERS} are read")
        for entry in entries:
            if isinstance(entry, str):
                _check_text(where, entry, MAX_NAME if isinstance(value, list) else MAX_TEXT)
            elif entry is not None and "low" in item.metadata:
                _check_number(where, entry, item.metadata["low"], item.metadata["high"])


def _check_text(where: str, text: str, most: int) -> None:
    if len(text) > most:
        raise SpecError(f"{where} has {len(text)} characters; at most {most} are read")


def _check_number(where: str, value: Any, low: float, high: float) -> None:
    valid = isinstance(value, Real) and not isinstance(value, bool)
    if not (valid and low <= value <= high):  # NaN is neither
        raise SpecError(f"{where} is {value}; it must be a number from {low:g} to {high:g}")


def check_free(value: Any, where: str, depth: int = 0) -> None:
    """Check the numbers, texts and sizes of a section whose fields belong to the model's family.

    Raises:
        SpecError: Names the entry, and what is allowed.
    """
    if depth > MAX_DEPTH:
        raise SpecError(f"{where} is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, (dict, list)):
        if len(value) > MAX_NUMBERS:
            raise SpecError(f"{where} has {len(value)} entries; at most {MAX_NUMBERS} are read")
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            check_free(entry, f"{where}.{one_line(str(key), MAX_NAME)}", depth + 1)
    elif isinstance(value, str):
        _check_text(where, value, MAX_TEXT)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        _check_number(where, value, -MAX_FREE, MAX_FREE)
