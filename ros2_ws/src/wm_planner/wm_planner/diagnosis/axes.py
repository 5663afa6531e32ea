"""Names of coordinates: which axis, x, y or z, they are on."""

from __future__ import annotations

import re

_COORDINATE = re.compile(r"(?:^|[_.])([xyz])(?:$|[_.])")


def axis_of(name: str) -> str:
    """Return the axis of a coordinate's name: ``x`` for ``x`` or ``ee_x``; empty if it has none."""
    found = _COORDINATE.search(name.lower())
    return found.group(1) if found else ""


def coordinates(names: list[str]) -> dict[str, int]:
    """Return axis → index of the first name that is a coordinate on that axis."""
    found: dict[str, int] = {}
    for index, name in enumerate(names):
        if axis := axis_of(name):
            found.setdefault(axis, index)
    return found
