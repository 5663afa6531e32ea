"""The reference page of all settings, generated from the schema.

Usage: ``python -m wm_planner.reference > docs/parameters.md``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from wm_planner.config import Config, leaves

_INTRODUCTION = """\
# Parameters

Generated from the schema by `python -m wm_planner.reference > docs/parameters.md`; a test keeps the
two equal. Every setting is a ROS parameter of the node, a Hydra override of the command-line tools
(`wm-planner plan … planning.horizon=8`) and a key of `config/planner.yaml`.

`commands.speed_override` can change at any time. While the node is configured, the sections
`planning` and `objective` can change between goals, and `session.timeout` too; if `limits.locked`
is false, so can all of `session` and `limits`. `goals.directory`, `commands.shadow_file` and
`worker.python`, which name files and a program on the node's machine, are read when it is started.
All other parameters are read when the node is configured.

Five more parameters belong to the node only: `config_directory`, `config_file` (a file in it,
without `.yaml`), `profile`, `overrides` and `autostart`.
"""


def page() -> str:
    """Return the page as Markdown: one table per section of the configuration."""
    return "\n".join([_INTRODUCTION, *_sections(Config())])


def _sections(config: Any, prefix: str = "") -> Iterator[str]:
    """Yield a text with a table for each section inside a section, depth first."""
    for item in fields(config):
        section = getattr(config, item.name)
        if not is_dataclass(section):
            continue
        name = prefix + item.name
        purpose = [" ".join(part.split()) for part in (type(section).__doc__ or "").split("\n\n")]
        rows = [
            f"| `{leaf.name}` | {_value(leaf.value)} | {_allowed(leaf.checks)} "
            f"| {_cell(leaf.checks['help'])} |"
            for leaf in leaves(section, f"{name}.")
            if leaf.name.count(".") == name.count(".") + 1
        ]
        head = ["| parameter | default | allowed | meaning |", "|---|---|---|---|"]
        title = "#" * (name.count(".") + 2) + f" {name}"
        paragraphs = "\n\n".join(textwrap.fill(part, 100) for part in purpose)
        yield "\n".join([title, "", paragraphs, "", *head, *rows, ""])
        yield from _sections(section, name + ".")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value != "" else "empty"


def _allowed(checks: Mapping[str, Any]) -> str:
    """Return what the schema's checks allow, for a cell."""
    if "choices" in checks:
        return ", ".join(f"`{choice}`" if choice != "" else "empty" for choice in checks["choices"])
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
