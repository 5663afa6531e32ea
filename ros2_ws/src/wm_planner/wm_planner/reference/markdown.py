"""Markdown that GitHub and Sphinx (MyST) render alike, from comments, docstrings and help."""

from __future__ import annotations

import posixpath
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import fields

from wm_planner.config import Config

NOTICE = (
    "Generated from the code by `python -m wm_planner.reference docs/reference`; a test keeps them "
    "equal."
)
WIDTH = 100

_SPAN = re.compile(r"(``.+?``|`[^`]+`)")
_SECTIONS = "|".join(item.name for item in fields(Config))
_CODE = re.compile(
    r"(?<![\w/])~/[a-z_]+"  # names of topics and services
    r"|(?<!\S)--[a-z][\w-]*(?:=[\w,.-]+)?"  # options
    r"|(?:\*|\b[\w/-]+\*)[\w*./-]*\w"  # patterns of names
    r"|\b[\w-]+\.(?:yaml|h5|npz|pt|pth|ckpt|safetensors)\b|(?<!\S)\.(?:h5|pt)\b"
    rf"|\b(?:{_SECTIONS})\.[a-z_]+(?:=(?:\[[^\]]*\]|[^\s,;)]*[^\s,;).]))?"  # settings
    r"|(?P<page>\bdocs/[\w/-]+\.md\b)"
)
_BLOCK_MARK = re.compile(r"(?:[-+*#>]|\d+[.)])(?:\s|$)")


def prose(text: str) -> str:
    """Return a text as Markdown in one line.

    What is in double backticks becomes code, and so do names that are nothing else, such as those
    of settings, options and files; the name of a page, ``docs/….md``, becomes a link.
    """
    parts = _SPAN.split(" ".join(text.split()))
    return "".join(
        code(part.strip("`").strip()) if place % 2 else _CODE.sub(_marked, part.replace("<", r"\<"))
        for place, part in enumerate(parts)
    )


def sentence(text: str) -> str:
    """Return a text as ``prose`` does, with a capital letter and a full stop."""
    line = prose(text)
    return line[:1].upper() + line[1:] + ("" if line.endswith((".", "!", "?", "…")) else ".")


def code(text: object) -> str:
    """Return a text as code."""
    return f"`{text}`"


def number(value: float) -> str:
    """Return a bound exactly and in few characters, large powers of two as such."""
    size = abs(value)
    if isinstance(size, int) and size >= 2**32 - 1:
        for less, end in ((0, ""), (1, " - 1")):
            if (size + less) & (size + less - 1) == 0:
                return f"{'-' if value < 0 else ''}2^{(size + less).bit_length() - 1}{end}"
    short = f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return short.replace("e+", "e").replace("e0", "e").replace("e-0", "e-")


def paragraph(text: str) -> str:
    """Return Markdown in lines of at most ``WIDTH`` characters, none of which begins a block."""
    lines = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    return text if any(map(_BLOCK_MARK.match, lines)) else "\n".join(lines)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are Markdown, whose pipes are escaped."""
    first, *others = (f"| {' | '.join(map(_cell, line))} |" for line in (head, *rows))
    return "\n".join([first, "|" + "---|" * len(head), *others])


def whole_page(title: str, *blocks: str) -> str:
    """Return a whole page: its title, the notice, and blocks with empty lines between them."""
    return "\n\n".join([f"# {title}", paragraph(NOTICE), *blocks]) + "\n"


def anchor(heading: str) -> str:
    """Return the name by which a link finds a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _marked(found: re.Match[str]) -> str:
    if not found["page"]:
        return code(found[0])
    path = posixpath.relpath(found["page"], "docs/reference")
    return f"[{posixpath.basename(path)}]({path})"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
