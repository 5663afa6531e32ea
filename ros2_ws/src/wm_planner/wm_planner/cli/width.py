"""How wide a table may be, and text in lines of that width."""

from __future__ import annotations

import shutil
import textwrap

LEAST = 60
"""Columns that a table takes, even if the terminal has fewer."""


def table_width() -> int:
    """Return the columns of the terminal (or ``COLUMNS``); 80 if the output is no terminal."""
    return max(LEAST, shutil.get_terminal_size((80, 24)).columns)


def wrapped(text: str, width: int, *, first: str = "", others: str = "") -> list[str]:
    """Return a text in lines of at most ``width`` columns; only a longer word is broken.

    Args:
        text: The text, in one line.
        width: Columns.
        first: What stands before the text.
        others: What stands before its other lines.
    """
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=others,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
    return lines or [first.rstrip()]
