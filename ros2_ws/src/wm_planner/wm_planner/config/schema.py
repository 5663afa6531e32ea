"""Fields of the schema: how a setting is declared, listed and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from wm_planner.message_limits import MAX_LIST, MAX_TEXT
from wm_planner.text import quoted


class ConfigError(ValueError):
    """A setting is unknown, has the wrong type or is out of range."""


def setting(default: Any, help: str, **checks: Any) -> Any:
    """Declare a leaf of the schema.

    Args:
        default: Default value; a list is copied for every instance.
        help: One sentence with the unit; it becomes the ROS parameter's description.
        **checks: ``above`` (exclusive minimum), ``low`` and ``high`` (inclusive range of a number,
            or of each entry of a list), ``choices`` (allowed values), ``sizes`` (allowed lengths of
            a list), ``of`` (type of a list's entries, if not float).
    """
    metadata = {"help": help, **checks}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Leaf:
    """One setting: its dotted name, its value, and the ``help`` and checks of the schema."""

    name: str
    value: Any
    checks: Mapping[str, Any]


def leaves(section: Any, prefix: str = "") -> Iterator[Leaf]:
    """Yield every leaf of a dataclass of settings, depth first, in the schema's order."""
    for item in fields(section):
        value = getattr(section, item.name)
        name = prefix + item.name
        if is_dataclass(value):
            yield from leaves(value, name + ".")
        else:
            yield Leaf(name, value, item.metadata)


def check_leaves(section: Any) -> None:
    """Check every leaf of a dataclass of settings against its range.

    Raises:
        ConfigError: Names the setting, its value and what is allowed.
    """
    for leaf in leaves(section):
        checks, value = leaf.checks, leaf.value
        _check_length(leaf)
        if "choices" in checks and value not in checks["choices"]:
            choices = ", ".join(map(str, checks["choices"]))
            raise ConfigError(f"{leaf.name} is {quoted(str(value))}; choose {choices}")
        if "sizes" in checks and len(value) not in checks["sizes"]:
            raise ConfigError(f"{leaf.name} has {len(value)} numbers, not {checks['sizes'][-1]}")
        for number in value if isinstance(value, list) else [value]:
            if "above" in checks and not number > checks["above"]:
                raise ConfigError(f"{leaf.name} is {number}; it must be above {checks['above']}")
            if "low" in checks and not number >= checks["low"]:
                raise ConfigError(f"{leaf.name} is {number}; the least is {checks['low']}")
            if "high" in checks and not number <= checks["high"]:
                raise ConfigError(f"{leaf.name} is {number}; the most is {checks['high']}")


def _check_length(leaf: Leaf) -> None:
    """Check the lengths of a text or a list before anything repeats them."""
    if isinstance(leaf.value, list) and len(leaf.value) > MAX_LIST:
        raise ConfigError(f"{leaf.name} has {len(leaf.value)} entries; the most is {MAX_LIST}")
    for text in leaf.value if isinstance(leaf.value, list) else [leaf.value]:
        if isinstance(text, str) and len(text) > MAX_TEXT:
            raise ConfigError(
                f"{leaf.name} has a text of {len(text)} characters; the most is {MAX_TEXT}"
            )
