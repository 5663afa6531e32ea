"""Read a dataset as a ``hydra.yaml`` of DINO-WM says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.dino_wm.kinds import DINO_WM_KINDS
from wm_planner.datasets.dino_wm.options import Options
from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.registry import read

TARGETS = {
    "point_maze_dset": "point_maze",
    "pusht_dset": "pusht",
    "wall_dset": "wall",
    "deformable_env_dset": "deformable",
    "franka_cube_stack_dset": "franka",
}
"""Kinds by the module that ``env.dataset._target_`` names."""
REQUIRED = ("n_rollout", "normalize_action", "split_ratio")
"""Settings whose defaults differ between upstream's code and its configuration files."""


def read_configured(
    directory: str | Path, dataset: Mapping[str, Any], kind: str | None = None
) -> Dataset:
    """Read a dataset as the training did.

    Args:
        directory: Where it is now; the ``data_path`` is that of the training machine.
        dataset: ``env.dataset`` of the run's ``hydra.yaml``.
        kind: Overrides the kind that ``_target_`` names.

    Raises:
        DatasetError: See ``read``; or ``dataset`` lacks what the statistics depend on.
    """
    if missing := [name for name in REQUIRED if name not in dataset]:
        raise DatasetError(f"hydra.yaml's env.dataset lacks {', '.join(missing)}")
    known = {field.name for field in fields(Options)}
    settings = {str(name): value for name, value in dataset.items() if name in known}
    return read(directory, kind or _kind_of(dataset), **settings)


def _kind_of(dataset: Mapping[str, Any]) -> str:
    target = str(dataset.get("_target_", ""))
    for part in target.split("."):
        if part in TARGETS:
            return TARGETS[part]
    raise DatasetError(
        f"hydra.yaml's env.dataset._target_ is '{target}', whose rule is not known: name the kind "
        f"({', '.join(DINO_WM_KINDS)}), or lay the data out as franka with a layout.yaml"
    )
