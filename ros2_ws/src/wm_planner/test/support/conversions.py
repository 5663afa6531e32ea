"""Conversions of the genuine run, and runs, facts and statistics to convert."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.facts import Facts, read_facts
from wm_planner.datasets import DatasetError
from wm_planner.files.errors import FileFormatError
from wm_planner.models.spec import SpecError

DATA = Path(__file__).parents[1] / "data" / "dino_wm"
RUN = DATA / "outputs/tiny"
ENCODER = DATA / "dinov2_tiny_pretrain.pth"
MAZE = DATA / "data/point_maze"
LATEST = "checkpoints/model_latest.pth"
ERRORS = (ConversionError, DatasetError, FileFormatError, SpecError)
BOMB = b"a0: &a0 [x, x]\n" + b"".join(
    b"a%d: &a%d [*a%d, *a%d]\n" % (i, i, i - 1, i - 1) for i in range(1, 60)
)
"""YAML of a few hundred bytes that aliases expand to 2 ** 60 values."""


def facts(**changes: Any) -> Facts:
    given = {
        "control_rate": 10.0,
        "color_order": "rgb",
        "action": {"names": ["fx", "fy"], "units": ["N", "N"], "frame": "maze"},
        "proprio": {"names": ["x", "y", "vx", "vy"], "units": ["m", "m", "m/s", "m/s"]},
        "encoder_heads": 3,
    }
    return read_facts(None, {**given, **changes})


def write_statistics(directory: Path, action: int, proprio: int, value: float = 0.5) -> Path:
    moments = {
        name: {"mean": [value] * width, "std": [2 * value] * width}
        for name, width in (("action", action), ("proprio", proprio))
    }
    provenance = {"dataset": "franka", "dataset_sha256": "ab", "split": "all", "split_seed": -1,
                  "episodes": 3, "steps": 90, "formula": "mean and std, ddof 1"}  # fmt: skip
    path = directory / "statistics.yaml"
    path.write_text(yaml.safe_dump({**moments, "provenance": provenance}))
    return path


def set_config(path: str, value: Any) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        config = yaml.safe_load((run / "hydra.yaml").read_text())
        *sections, name = path.split(".")
        place = config
        for section in sections:
            place = place[section]
        place[name] = value
        (run / "hydra.yaml").write_text(yaml.safe_dump(config))

    return change


def replace_file(name: str, content: bytes | Path) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        data = content.read_bytes() if isinstance(content, Path) else content
        (run / name).write_bytes(data)

    return change


def set_num_hist(value: int) -> Callable[[Path], None]:
    return set_all("num_hist", "model.num_hist", value=value)


def set_img_size(value: int) -> Callable[[Path], None]:
    return set_all("img_size", "model.image_size", "env.dataset.transform.img_size", value=value)


def set_all(*paths: str, value: int) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        for path in paths:
            set_config(path, value)(run)

    return change
