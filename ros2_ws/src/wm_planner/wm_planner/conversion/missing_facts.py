"""Ask the user for every missing fact at once."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.conversion.facts import Facts

_OPTIONAL = (
    "  # Optional: the range of each number, and which numbers move an arm.",
    "  # lower: []",
    "  # upper: []",
    "  # command: {mode: relative, position: [x, y, z]}   # hold for an axis that stays",
    "  # mode: also absolute, velocity; with joints: [j1, j2] position has one number for each.",
)


@dataclass(frozen=True)
class MissingFact:
    """A fact that the user must give.

    Attributes:
        option: Its option on the command line.
        meaning: What it is.
        entry: Its dotted name in the YAML file; empty: it is not part of that.
    """

    option: str
    meaning: str
    entry: str = ""


def missing_of_every_family(facts: Facts, action_dim: int) -> list[MissingFact]:
    """List the facts that every family needs and that are missing.

    Args:
        facts: The facts that were given.
        action_dim: Numbers in one environment step's action; 0: unknown.
    """
    action = facts.action
    names = f"{action_dim} names" if action_dim else "one name per number"
    units = f"{action_dim} units" if action_dim else "their units"
    return listed_missing(
        (facts.control_rate is None, "--control-rate", "environment steps per second [Hz]"),
        (not facts.color_order, "--color-order", "rgb or bgr: channel order of training images"),
        (not action.names, "--action-names", f"{names}, in the dataset's order"),
        (not action.units, "--action-units", f"{units}, e.g. m, rad, N"),
        (not action.frame, "--action-frame", "frame that the actions are expressed in"),
    )


def listed_missing(*wanted: tuple[bool, str, str]) -> list[MissingFact]:
    """Return the facts that are missing, of triples: whether it is, its option, its meaning."""
    return [
        MissingFact(option, meaning, _entry(option))
        for is_missing, option, meaning in wanted
        if is_missing
    ]


def question(missing: list[MissingFact]) -> str:
    """Return one message that asks for everything, with a YAML file to fill in."""
    lines = ["the run does not say, and nothing is guessed; give:"]
    lines += [f"  {item.option:<18} {item.meaning}" for item in missing]
    entries = [item for item in missing if item.entry]
    if entries:
        lines.append("or, instead of options, a file filled in like this, with --meta FILE:")
    section = ""
    for item in entries:
        group, _, name = item.entry.rpartition(".")
        if group and group != section:
            lines.append(f"{group}:")
        section = group
        lines.append(f"{'  ' * bool(group) + name + ':':<16} # {item.meaning}")
        if item.entry == "action.frame":
            lines += _OPTIONAL
    return "\n".join(lines)


def _entry(option: str) -> str:
    """Return the entry of an option: ``action.names`` of ``--action-names``."""
    name = option.removeprefix("--")
    for group in ("action", "proprio"):
        name = name.replace(f"{group}-", f"{group}.")
    return name.replace("-", "_")
