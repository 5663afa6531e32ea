"""The registry of DINO-WM's kinds of datasets; each module documents its files and its rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.dino_wm import deformable, franka, point_maze, pusht, wall
from wm_planner.datasets.dino_wm.options import Options, make_options
from wm_planner.datasets.errors import DatasetError


def _with_options(
    read: Callable[[Path, Options], Dataset],
) -> Callable[[Path, Mapping[str, Any]], Dataset]:
    def checked(directory: Path, settings: Mapping[str, Any]) -> Dataset:
        if not directory.is_dir():
            raise DatasetError(f"{directory} is no directory: give the one that holds the dataset")
        return read(directory, make_options(settings))

    return checked


DINO_WM_KINDS = {
    "point_maze": _with_options(point_maze.read),
    "pusht": _with_options(pusht.read),
    "wall": _with_options(wall.read),
    "deformable": _with_options(deformable.read),
    "franka": _with_options(franka.read),
}
