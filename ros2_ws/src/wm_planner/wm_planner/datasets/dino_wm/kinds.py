"""The registry of DINO-WM's kinds of datasets; each module documents its files and its rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.dino_wm import deformable, franka, point_maze, pusht, wall
from wm_planner.datasets.dino_wm.options import Options, make_options


def _with_options(
    read: Callable[[Path, Options], Dataset],
) -> Callable[[Path, Mapping[str, Any]], Dataset]:
    return lambda directory, settings: read(directory, make_options(settings))


DINO_WM_KINDS = {
    "point_maze": _with_options(point_maze.read),
    "pusht": _with_options(pusht.read),
    "wall": _with_options(wall.read),
    "deformable": _with_options(deformable.read),
    "franka": _with_options(franka.read),
}
