"""What neither checkpoint nor configuration say, and the user must: meanings, units, rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wm_planner.models.dino_wm.datasets import Data
from wm_planner.models.dino_wm.run import Configuration, ConversionError
from wm_planner.models.dino_wm.yaml_files import read_yaml
from wm_planner.models.spec import Calibration, CommandMapping, ObjectiveSpec
from wm_planner.planning import Objective

DEFORMABLE = "deformable_env_dset"
"""Upstream's data set without proprio: it gives the model a single zero."""


@dataclass
class ActionFacts:
    """One environment step's action; see ``ActionSpec``."""

    names: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    frame: str = ""
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    command: CommandMapping | None = None


@dataclass
class ProprioFacts:
    """The proprioceptive state; names None: not told, empty: the data set has none."""

    names: list[str] | None = None
    units: list[str] = field(default_factory=list)


@dataclass
class Facts:
    """All of it, as a small YAML file may say it; see ``ModelSpec`` for the meanings."""

    name: str = ""
    control_rate: float | None = None
    color_order: str = ""
    action: ActionFacts = field(default_factory=ActionFacts)
    proprio: ProprioFacts = field(default_factory=ProprioFacts)
    objective: ObjectiveSpec = field(default_factory=ObjectiveSpec)
    calibration: Calibration | None = None
    encoder_heads: int = 0


def read_facts(file: str | Path | None, given: Mapping[str, Any]) -> Facts:
    """Facts of a YAML file, overridden by those given by name.

    Args:
        file: A YAML file with the entries of ``Facts``, or None.
        given: The same entries, nested; those that are None are not given.

    Raises:
        ConversionError: The file cannot be read, or an entry is unknown or of a wrong type.
    """
    where = "the options" if file is None else str(file)
    content: Any = {}
    if file is not None:
        try:
            content = read_yaml(Path(file).expanduser()) or {}
        except OSError as error:
            raise ConversionError(f"{file} cannot be read: {error.strerror or error}") from error
        except yaml.YAMLError as error:
            problem = " ".join(str(error).split())
            raise ConversionError(f"{file} is not valid YAML: {problem}") from error
        if not isinstance(content, dict):
            raise ConversionError(f"{file} is not a mapping of entries like control_rate: 10")
    try:
        facts = OmegaConf.to_object(
            OmegaConf.merge(OmegaConf.structured(Facts), _told(content), _told(given))
        )
        assert isinstance(facts, Facts)
        Objective(**vars(facts.objective))
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "?"
        raise ConversionError(f"{where}: {key}: {str(error).splitlines()[0]}") from error
    except ValueError as error:  # SpecError, and what the objective says of its settings
        raise ConversionError(f"{where}: {error}") from error
    return facts


def _told(content: Mapping[str, Any]) -> dict[str, Any]:
    """Without the entries that are blank."""
    told = {
        key: _told(value) if isinstance(value, dict) else value for key, value in content.items()
    }
    return {key: value for key, value in told.items() if value is not None}


@dataclass(frozen=True)
class Missing:
    """One fact that is asked for.

    Attributes:
        option: How to give it on the command line.
        meaning: What it is, in words.
        entry: Its dotted name in the YAML file; empty: it has none.
    """

    option: str
    meaning: str
    entry: str = ""


def missing_facts(facts: Facts, action_dim: int, proprio_dim: int, heads: bool) -> list[Missing]:
    """What is still to be told.

    Args:
        facts: What was told.
        action_dim: Numbers in one environment step's action.
        proprio_dim: Numbers in the proprioceptive state.
        heads: Whether the encoder's number of heads must be told.
    """
    action, proprio = facts.action, facts.proprio
    states = f"{proprio_dim} names, in the data set's order"
    if proprio_dim == 1:
        states += "; [] where it has none"
    wanted = [
        (facts.control_rate is None, "--control-rate", "environment steps per second [Hz]"),
        (not facts.color_order, "--color-order", "rgb or bgr: channels of the training's images"),
        (not action.names, "--action-names", f"{action_dim} names, in the data set's order"),
        (not action.units, "--action-units", f"{action_dim} units, e.g. m, rad, N"),
        (not action.frame, "--action-frame", "frame that the actions are expressed in"),
        (proprio.names is None, "--proprio-names", states),
        (proprio.names != [] and not proprio.units, "--proprio-units", f"{proprio_dim} units"),
        (heads and not facts.encoder_heads, "--encoder-heads", "attention heads of the encoder"),
    ]
    return [
        Missing(option, meaning, _entry(option))
        for is_missing, option, meaning in wanted
        if is_missing
    ]


def question(missing: list[Missing]) -> str:
    """One message that asks for everything, with YAML to fill in."""
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
    """``--action-names`` is ``action.names``, ``--control-rate`` is ``control_rate``."""
    name = option.removeprefix("--")
    for group in ("action", "proprio"):
        name = name.replace(f"{group}-", f"{group}.")
    return name.replace("-", "_")


def complete(facts: Facts, data: Data | None, config: Configuration) -> None:
    """Fill in what the data set itself says: the names and units of its layout.

    Raises:
        ConversionError: The user said something else.
    """
    target = str(config.find("env.dataset._target_"))
    if facts.proprio.names is None and DEFORMABLE in target.split("."):
        facts.proprio.names = []
    for part, told in (("action", facts.action), ("proprio", facts.proprio)):
        for entry in ("names", "units"):
            known = {} if data is None else {"names": data.names, "units": data.units}[entry]
            given, own = getattr(told, entry), known.get(part)
            if own and given and list(given) != list(own):
                raise ConversionError(
                    f"{part}.{entry} was given as {', '.join(given)}, but the data set's layout "
                    f"says {', '.join(own)}: leave it out, or correct the layout"
                )
            if own:
                setattr(told, entry, list(own))


def check_counts(facts: Facts, action_dim: int, proprio_dim: int) -> None:
    """There is a name and a unit for every number.

    Raises:
        ConversionError: There are too few or too many.
    """
    for part, told, expected in (
        ("action", facts.action, action_dim),
        ("proprio", facts.proprio, proprio_dim),
    ):
        for entry in ("names", "units"):
            count = len(getattr(told, entry))
            if count != expected and not (part == "proprio" and not count and expected == 1):
                raise ConversionError(
                    f"{part}.{entry} has {count} entries, but the checkpoint was trained with "
                    f"{expected} {part} numbers"
                    + (" per environment step" if part == "action" else "")
                )


_OPTIONAL = (
    "  # Optional: the range of each number, and which numbers move an arm.",
    "  # lower: []",
    "  # upper: []",
    "  # command: {mode: relative, position: [x, y, z]}",
    "  # mode: also absolute, velocity; with joints: [j1, j2] position has one number for each.",
)
