"""Numbers and texts of ``model.yaml``: every number has a range, every text and list a length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, field, fields
from numbers import Real
from typing import Any

import numpy as np

from wm_planner.message_limits import MAX_LIST, MAX_NAME, MAX_TEXT
from wm_planner.models.spec.errors import SpecError
from wm_planner.text import one_line, quoted

MAX_NUMBERS = 65_536
"""Entries of a list of numbers, e.g. of a latent."""
MAX_FREE = 1e12
"""Largest number in a section of the family's own."""
MAX_DEPTH = 16
"""Deepest nesting of such a section."""
_SHOWN = 60  # characters of a wrong number that a sentence shows at most


def number(low: float, high: float, default: Any = MISSING) -> Any:
    """Declare a number from ``low`` to ``high``, both included, or a list or mapping of such.

    Args:
        low: The least.
        high: The largest.
        default: Default value; a list or a mapping is copied for every instance.
    """
    metadata = {"low": low, "high": high}
    if isinstance(default, list | dict):
        return field(default_factory=lambda: default.copy(), metadata=metadata)
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
        if isinstance(value, dict):
            entries = list(value.values())
        names = isinstance(value, list) and any(isinstance(entry, str) for entry in entries)
        _check_count(where, len(entries), MAX_LIST if names else MAX_NUMBERS)
        for entry in entries:
            if isinstance(entry, str):
                _check_text(where, entry, MAX_NAME if names else MAX_TEXT)
                if names and not entry.strip():
                    raise SpecError(f"{where} has an empty name")
            elif entry is not None and "low" in item.metadata:
                _check_number(where, entry, item.metadata["low"], item.metadata["high"])


def _check_count(where: str, count: int, most: int) -> None:
    if count > most:
        raise SpecError(f"{where} has {count} entries; at most {most} are read")


def _check_text(where: str, text: str, most: int) -> None:
    if len(text) > most:
        raise SpecError(f"{where} has {len(text)} characters; at most {most} are read")
    if not text.isprintable():
        raise SpecError(
            f"{where} is {quoted(text)}: write it as one line, without control characters"
        )


def _check_number(where: str, value: Any, low: float, high: float) -> None:
    valid = isinstance(value, Real) and not isinstance(value, bool)
    if not (valid and low <= value <= high):  # NaN is neither
        shown = one_line(str(value), _SHOWN)
        raise SpecError(f"{where} is {shown}; it must be a number from {low:g} to {high:g}")


def check_free(value: Any, where: str) -> None:
    """Check the numbers, texts and sizes of a section whose fields belong to the model's family.

    Raises:
        SpecError: Names the entry, and what is allowed.
    """
    for place, entry in _walk(value, where):
        if isinstance(entry, (int, float)) and not isinstance(entry, bool):
            _check_number(place, entry, -MAX_FREE, MAX_FREE)


def check_plain(content: dict[str, Any]) -> None:
    """Check that a whole ``model.yaml`` is plain data of bounded size, before it is interpreted.

    Raises:
        SpecError: Names the entry, and what is allowed.
    """
    for _ in _walk(content, ""):
        pass


def _walk(value: Any, where: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield all texts, numbers and truth values with their places; check sizes and kinds."""
    if depth > MAX_DEPTH:
        raise SpecError(f"{where} is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, (dict, list)):
        _check_count(where, len(value), MAX_NUMBERS)
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(key, str):
                _check_text(f"a name in {where or 'the file'}", key, MAX_NAME)
            name = one_line(str(key), _SHOWN)
            yield from _walk(entry, f"{where}.{name}" if where else name, depth + 1)
        return
    if value is not None and not isinstance(value, (str, int, float)):
        raise SpecError(f"{where} is {quoted(value)}: write a text, a number, true or false")
    if isinstance(value, str):
        _check_text(where, value, MAX_TEXT)
    yield where, value
