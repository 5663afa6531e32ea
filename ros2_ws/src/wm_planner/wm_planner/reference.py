"""The reference page of all settings, made from the schema.

Usage: ``python -m wm_planner.reference > docs/parameters.md``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from wm_planner.config import Config, leaves

_INTRODUCTION = """\
# Parameters

Made from the schema by `python -m wm_planner.reference > docs/parameters.md`; a test holds the two
together. Every setting is a ROS parameter of the node under this name, a Hydra override of the
command-line tools (`wm-planner plan … planning.horizon=8`), and a line of `config/planner.yaml`.

Five more are parameters of the node only: `config_directory` and `config_file` (a file in it,
without `.yaml`), `profile`, `overrides` and `autostart`.
"""


def page() -> str:
    """The page as Markdown: one table per section of the configuration."""
    config = Config()
    parts = [_INTRODUCTION]
    for section in fields(config):
        value = getattr(config, section.name)
        purpose = " ".join((type(value).__doc__ or "").split("\n\n")[0].split())
        rows = [
            f"| `{leaf.name}` | {_value(leaf.value)} | {_allowed(leaf.checks)} "
            f"| {_cell(leaf.checks['help'])} |"
            for leaf in leaves(value, f"{section.name}.")
        ]
        head = ["| parameter | default | allowed | meaning |", "|---|---|---|---|"]
        paragraph = textwrap.fill(purpose, 100)
        parts.append("\n".join([f"## {section.name}", "", paragraph, "", *head, *rows, ""]))
    return "\n".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value != "" else "empty"


def _allowed(checks: Mapping[str, Any]) -> str:
    """What the schema's checks allow, in a cell."""
    if "choices" in checks:
        return ", ".join(f"`{choice}`" for choice in checks["choices"])
    words = [
        f"{sign} {checks[name]:g}"
        for name, sign in (("above", ">"), ("low", "≥"), ("high", "≤"))
        if name in checks
    ]
    if "sizes" in checks:
        words.append(" or ".join(map(str, checks["sizes"])) + " numbers")
    return ", ".join(words)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    print(page(), end="")
