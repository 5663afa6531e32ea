"""``read``: a data set of any kind; ``read_configured``: as a ``hydra.yaml`` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from wm_planner.models.dino_wm.datasets import deformable, franka, point_maze, pusht, wall
from wm_planner.models.dino_wm.datasets.data import Data
from wm_planner.models.dino_wm.datasets.files import DataError
from wm_planner.models.dino_wm.datasets.options import Options

KINDS = {
    "point_maze": point_maze.read,
    "pusht": pusht.read,
    "wall": wall.read,
    "deformable": deformable.read,
    "franka": franka.read,
}
"""Data sets by kind; see each module for the files and the rule."""
TARGETS = {
    "point_maze_dset": "point_maze",
    "pusht_dset": "pusht",
    "wall_dset": "wall",
    "deformable_env_dset": "deformable",
    "franka_cube_stack_dset": "franka",
}
"""Modules named by ``env.dataset._target_`` of ``hydra.yaml``."""
REQUIRED = ("n_rollout", "normalize_action", "split_ratio")
"""Settings whose defaults differ between upstream's code and its configuration files."""


def kind_of(dataset: Mapping[str, Any]) -> str:
    """Kind of the data set that ``env.dataset`` of a ``hydra.yaml`` names.

    Raises:
        DataError: Its ``_target_`` is missing or none of upstream's.
    """
    target = str(dataset.get("_target_", ""))
    for part in target.split("."):
        if part in TARGETS:
            return TARGETS[part]
    raise DataError(
        f"hydra.yaml's env.dataset._target_ is '{target}', whose rule is not known: name the kind "
        f"({', '.join(KINDS)}), or lay the data out as franka with a layout.yaml"
    )


def read(
    directory: str | Path,
    kind: str | None,
    *,
    n_rollout: int | None = None,
    split_ratio: float = 0.9,
    normalize_action: bool = True,
    action_scale: float | None = None,
    split_mode: str = "random",
    object_name: str = "",
    with_velocity: bool = True,
) -> Data:
    """Read the numbers of a data set; images may be missing and are read later.

    Args:
        directory: What the training's ``data_path`` named.
        kind: One of ``KINDS``.
        n_rollout: See ``Options``, as the others.
        split_ratio: Share of the episodes that train.
        normalize_action: False: mean 0 and standard deviation 1.
        action_scale: What actions on disk are divided by; None: the kind's own.
        split_mode: ``random`` or ``folder`` (wall).
        object_name: Sub-directory (deformable).
        with_velocity: The state has velocities (pusht).

    Raises:
        DataError: The kind is not known, or the files are missing, damaged, unsafe to read or do
            not fit each other.
    """
    options = Options(
        n_rollout=n_rollout,
        split_ratio=split_ratio,
        normalize_action=normalize_action,
        action_scale=action_scale,
        split_mode=split_mode,
        object_name=object_name,
        with_velocity=with_velocity,
    )
    return _read(directory, kind, options)


def read_configured(
    directory: str | Path, dataset: Mapping[str, Any], kind: str | None = None
) -> Data:
    """Read a data set as the training did.

    Args:
        directory: Where it lies now; ``data_path`` is of the training's machine.
        dataset: ``env.dataset`` of the run's ``hydra.yaml``.
        kind: Overrides the one that ``_target_`` names.

    Raises:
        DataError: As ``read``; or ``dataset`` lacks what the statistics depend on.
    """
    if missing := [name for name in REQUIRED if name not in dataset]:
        raise DataError(f"hydra.yaml's env.dataset lacks {', '.join(missing)}")
    known = {field.name for field in fields(Options)}
    try:
        options = Options(**{str(k): v for k, v in dataset.items() if k in known})
    except TypeError as error:
        raise DataError(
            f"hydra.yaml's env.dataset has a setting of a wrong type: {error}"
        ) from error
    return _read(directory, kind or kind_of(dataset), options)


def _read(directory: str | Path, kind: str | None, options: Options) -> Data:
    path = Path(directory).expanduser()
    if not path.is_dir():
        raise DataError(f"{path} is no directory: give the one that holds the data set")
    if kind not in KINDS:
        raise DataError(f"the kind of {path} must be one of {', '.join(KINDS)}, not '{kind}'")
    return KINDS[kind](path, options)
