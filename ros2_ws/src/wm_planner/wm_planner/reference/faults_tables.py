"""Reads the tables of ``faults.md``: which events lead to which error code."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from wm_planner.reference.checkout import FAULTS, SourceError, read

PAGE = "../explanation/faults.md"
"""The page as seen from the reference."""
_CELL = re.compile(r"(?<!\\)\|")
_NAME = re.compile(r"(?<!never )`([A-Z_]+)`")  # "never `STALLED`" is no event of that code
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_EVENTS = ("what happens", "what is wrong")
_SAME = "the same"


@dataclass(frozen=True)
class Event:
    """A row of a table.

    Attributes:
        heading: The heading above the table.
        what: What happens, as Markdown whose links start at the reference.
        names: Names in capital letters that its second cell has as code, error codes among them.
    """

    heading: str
    what: str
    names: frozenset[str]


def events() -> list[Event]:
    """Return all rows of the tables of events, in order.

    Raises:
        SourceError: The page is missing, or has no such tables.
    """
    found = list(_rows(read(FAULTS)))
    if not found:
        raise SourceError(f"{FAULTS} has no table whose first column is one of: {_EVENTS}")
    return found


def _rows(text: str) -> Iterator[Event]:
    heading, listed, names = "", False, frozenset[str]()
    for line in text.splitlines():
        if line.startswith("## "):
            heading, listed = line.removeprefix("## "), False
        elif line.startswith("| "):
            cells = [cell.strip() for cell in _CELL.split(line)[1:-1]]
            if cells[0] in _EVENTS:
                listed = True
            elif listed:
                if cells[1] != _SAME:  # else the codes are those of the row above
                    names = frozenset(_NAME.findall(cells[1]))
                yield Event(heading, _LINK.sub(_moved, cells[0].replace(r"\|", "|")), names)


def _moved(link: re.Match[str]) -> str:
    """Return the end of a link so that it works in the folder of the reference."""
    target = link[1]
    if target.startswith("#"):
        return f"]({PAGE}{target})"
    if "://" in target:
        return link[0]
    path, hash_mark, place = target.partition("#")
    moved = posixpath.relpath(posixpath.join("explanation", path), "reference")
    return f"]({moved}{hash_mark}{place})"
