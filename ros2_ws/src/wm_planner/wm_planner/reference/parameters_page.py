"""``parameters.md``: every setting, from the schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from wm_planner.config import Config, leaves
from wm_planner.reference import markdown

_INTRODUCTION = """\
Every setting is a ROS parameter of the node and a key of `config/planner.yaml`. A
[command-line tool](command-line.md) takes those that it uses, as Hydra overrides
(`wm-planner plan … planning.horizon=8`).

`commands.speed_override` can change at any time. While the node is configured, the sections
`planning` and `objective` can change between goals, and `session.timeout` too; if `limits.locked`
is false, so can all of `session` and `limits`. `goals.directory`, `commands.shadow_file` and
`worker.python`, which name files and a program on the node's machine, are read when it is started.
All other parameters are read when the node is configured.

Five more parameters belong to the node only: `config_directory`, `config_file` (a file in it,
without `.yaml`), `profile`, `overrides` and `autostart`."""


def page() -> str:
    """Return the page as Markdown: one table per section of the configuration."""
    return markdown.whole_page("Parameters", _INTRODUCTION, *_sections(Config()))


def _sections(config: Any, prefix: str = "") -> Iterator[str]:
    """Yield heading, purpose and table of each section inside a section, depth first."""
    for item in fields(config):
        section = getattr(config, item.name)
        if not is_dataclass(section):
            continue
        name = prefix + item.name
        yield "#" * (name.count(".") + 2) + f" {name}"
        for part in (type(section).__doc__ or "").split("\n\n"):
            yield markdown.paragraph(markdown.prose(part))
        rows = [
            (
                markdown.code(leaf.name),
                _value(leaf.value),
                _allowed(leaf.checks),
                markdown.prose(leaf.checks["help"]),
            )
            for leaf in leaves(section, f"{name}.")
            if leaf.name.count(".") == name.count(".") + 1
        ]
        yield markdown.table(("parameter", "default", "allowed", "meaning"), rows)
        yield from _sections(section, name + ".")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return markdown.code(str(value).lower())
    return markdown.code(value) if value != "" else "empty"


def _allowed(checks: Mapping[str, Any]) -> str:
    """Return what the schema's checks allow, for a cell."""
    if "choices" in checks:
        return ", ".join(markdown.code(c) if c != "" else "empty" for c in checks["choices"])
    words = [
        f"{sign} {markdown.number(checks[name])}"
        for name, sign in (("above", ">"), ("low", "≥"), ("high", "≤"))
        if name in checks
    ]
    if "sizes" in checks:
        words.append(" or ".join(map(str, checks["sizes"])) + " numbers")
    return ", ".join(words)
