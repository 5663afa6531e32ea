"""Reads the docstrings of dataclasses: paragraphs, and the meaning of each attribute."""

from __future__ import annotations

import inspect
import re

_ATTRIBUTES = "Attributes:"
_NAMED = re.compile(r"    (\w+): ")


def paragraphs(kind: type) -> list[str]:
    """Return the paragraphs of a class's docstring before its attributes."""
    text = inspect.cleandoc(kind.__doc__ or "").partition(_ATTRIBUTES)[0]
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def attributes(kind: type) -> dict[str, str]:
    """Return what a class's docstring says about its attributes, by name."""
    text = inspect.cleandoc(kind.__doc__ or "").partition(_ATTRIBUTES)[2]
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if start := _NAMED.match(line):
            lines = found.setdefault(start[1], [])
            line = line[start.end() :]
        lines.append(line.strip())
    return {name: " ".join(lines).strip() for name, lines in found.items()}
