"""Facts that no checkpoint contains: names, units, rates, the camera, the terms of use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf.errors import OmegaConfBaseException

from wm_planner.conversion.errors import ConversionError
from wm_planner.datasets import Dataset
from wm_planner.files.home import expanded
from wm_planner.files.plain_settings import fill, reason
from wm_planner.files.plain_yaml import read_yaml, yaml_problem
from wm_planner.models.spec import Calibration, CommandMapping, License, ObjectiveSpec
from wm_planner.planning import Objective


@dataclass
class ActionFacts:
    """The action of one environment step; see ``ActionSpec``."""

    names: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    frame: str = ""
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    command: CommandMapping | None = None


@dataclass
class ProprioFacts:
    """The proprio; ``names`` None: not given, empty: the dataset has none."""

    names: list[str] | None = None
    units: list[str] = field(default_factory=list)


@dataclass
class Facts:
    """All facts, with the entries of the YAML file; see ``ModelSpec`` for their meanings.

    A family asks for those that its files lack.

    Attributes:
        epochs: Epochs that were planned, if the files do not say.
        encoder_heads: Attention heads of the encoder, if the files do not say.
        predictor_heads: Those of the predictor.
        camera_crop: How the training's square images came from the camera's: see
            ``conversion/lewm/facts.py``.
        normalization: How the training normalized actions: see ``datasets/lewm``.
    """

    name: str = ""
    control_rate: float | None = None
    color_order: str = ""
    action: ActionFacts = field(default_factory=ActionFacts)
    proprio: ProprioFacts = field(default_factory=ProprioFacts)
    objective: ObjectiveSpec = field(default_factory=ObjectiveSpec)
    calibration: Calibration | None = None
    license: License = field(default_factory=License)
    epochs: int = 0
    encoder_heads: int = 0
    predictor_heads: int = 0
    camera_crop: str = ""
    normalization: str = ""


def read_facts(file: str | Path | None, given: Mapping[str, Any]) -> Facts:
    """Read facts from a YAML file and from options, which override it.

    Args:
        file: A YAML file with the entries of ``Facts``, or None.
        given: The same entries as nested mappings; entries of None are not given.

    Raises:
        ConversionError: The file cannot be read, or an entry is unknown or of a wrong type.
    """
    where = "the options" if file is None else str(file)
    content: Any = {}
    if file is not None:
        try:
            content = read_yaml(expanded(file)) or {}
        except OSError as error:
            raise ConversionError(f"{file} cannot be read: {error.strerror or error}") from error
        except yaml.YAMLError as error:
            raise ConversionError(f"{file} is not valid YAML: {yaml_problem(error)}") from error
        if not isinstance(content, dict):
            raise ConversionError(f"{file} is not a mapping of entries like control_rate: 10")
    try:
        facts = fill(Facts, _given_entries(content), _given_entries(given))
        objective = facts.objective
        Objective(objective.mode, objective.base, objective.alpha)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "?"
        raise ConversionError(f"{where}: {key}: {reason(error)}") from error
    except ValueError as error:  # SpecError, or from the objective
        raise ConversionError(f"{where}: {error}") from error
    return facts


def _given_entries(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that are not blank."""
    nested = {
        key: _given_entries(value) if isinstance(value, dict) else value
        for key, value in content.items()
    }
    return {key: value for key, value in nested.items() if value is not None}


def fill_from_layout(facts: Facts, dataset: Dataset | None) -> None:
    """Fill in the names and units of the dataset's layout, if it has one.

    Raises:
        ConversionError: The user gave others.
    """
    known = {} if dataset is None else {"names": dataset.names, "units": dataset.units}
    for part, fact in (("action", facts.action), ("proprio", facts.proprio)):
        for entry, layout in known.items():
            given, own = getattr(fact, entry), layout.get(part)
            if own and given and list(given) != list(own):
                raise ConversionError(
                    f"{part}.{entry} was given as {', '.join(given)}, but the dataset's layout "
                    f"says {', '.join(own)}: leave it out, or correct the layout"
                )
            if own:
                setattr(fact, entry, list(own))


def check_used(facts: Facts, family: str, unused: Sequence[str]) -> None:
    """Check that no fact was given that the family does not use.

    Args:
        facts: All facts.
        family: Name of the family.
        unused: Entries of ``Facts`` that it does not use.

    Raises:
        ConversionError: Names the first that was given.
    """
    nothing = Facts()
    for entry in unused:
        if getattr(facts, entry) != getattr(nothing, entry):
            raise ConversionError(f"{entry} was given, which a {family} model does not have")


def check_counts(facts: Facts, action_dim: int, proprio_dim: int) -> None:
    """Check that every number has a name and a unit.

    Raises:
        ConversionError: There are too few or too many.
    """
    for part, fact, expected in (
        ("action", facts.action, action_dim),
        ("proprio", facts.proprio, proprio_dim),
    ):
        for entry in ("names", "units"):
            count = len(getattr(fact, entry))
            if count != expected and not (part == "proprio" and not count and expected == 1):
                raise ConversionError(
                    f"{part}.{entry} has {count} entries, but the checkpoint was trained with "
                    f"{expected} {part} numbers"
                    + (" per environment step" if part == "action" else "")
                )
