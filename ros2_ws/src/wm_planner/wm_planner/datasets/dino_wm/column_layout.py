"""``layout.yaml``: names and units of the numbers in a dataset of your own robot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wm_planner.datasets.errors import DatasetError
from wm_planner.files.plain_yaml import read_yaml, yaml_problem

LAYOUT_FILE = "layout.yaml"


@dataclass(frozen=True)
class ColumnLayout:
    """Names and units of the columns.

    Attributes:
        action: Units of an action's numbers by name, in the order on disk.
        state: The same for the state.
        proprio: Names of the state's columns that the model takes, in the model's order.
        epsilon: Added to standard deviations.
    """

    action: dict[str, str]
    state: dict[str, str]
    proprio: list[str]
    epsilon: float

    @property
    def proprio_columns(self) -> list[int]:
        """Columns of the state that make up the proprio."""
        return [list(self.state).index(name) for name in self.proprio]


def read_layout(directory: Path) -> ColumnLayout:
    """Read the ``layout.yaml`` of a dataset.

    Raises:
        DatasetError: It is missing, not valid YAML, lacks or misspells an entry, or contradicts
            itself.
    """
    path = directory / LAYOUT_FILE
    try:
        content = read_yaml(path)
    except OSError as error:
        reason = "is missing"
        if not isinstance(error, FileNotFoundError):
            reason = f"cannot be read ({error.strerror or error})"
        raise DatasetError(
            f"{path} {reason}: write down what the numbers of actions and states mean "
            "(docs/tutorials/dino-wm.md shows how)"
        ) from error
    except yaml.YAMLError as error:
        raise DatasetError(f"{path} is not valid YAML: {yaml_problem(error)}") from error
    keys = ("action", "state", "proprio", "epsilon")
    if not isinstance(content, dict) or set(content) != set(keys):
        raise DatasetError(f"{path} must have exactly the entries {', '.join(keys)}")
    action, state = (_columns(path, name, content[name]) for name in ("action", "state"))
    proprio, epsilon = content["proprio"], content["epsilon"]
    if not isinstance(proprio, list) or not proprio or [n for n in proprio if n not in state]:
        raise DatasetError(f"{path}: proprio must list names of the state, not {proprio}")
    if not isinstance(epsilon, int | float) or not 0 <= epsilon < 1:
        raise DatasetError(
            f"{path}: epsilon must be a number such as 0.0 or 1.0e-6, not {epsilon!r}"
        )
    return ColumnLayout(action, state, proprio, float(epsilon))


def _columns(path: Path, name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not value:
        raise DatasetError(f"{path}: {name} must map the name of each number to its unit, in order")
    return {str(column): str(unit) for column, unit in value.items()}
