"""Python code of the pages runs, and the settings in their YAML exist."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from documented_files import Files
from documented_pages import Block, Page, pages
from documented_ros2 import CONFIG, settings_names
from small_dino_wm import random_model

from wm_planner.config import Config, compose
from wm_planner.models.protocol import ObservationBatch
from wm_planner.models.spec import ActionSpec, Moments, Statistics

SECTIONS = set(vars(Config()))


def _model_and_goal(folder: Path) -> dict[str, Any]:
    """A model with six numbers per action, an observation, a goal, and a policy."""
    statistics = Statistics(Moments([0.0] * 3, [1.0] * 3), Moments([0.0] * 4, [1.0] * 4))
    action = ActionSpec(["dx", "dy", "dz"], ["m"] * 3, "world")  # and two of them per model step
    model = random_model(folder, {"action": action, "statistics": statistics})
    now, later = (
        ObservationBatch(
            torch.full((1, 1, 40, 40, 3), gray, dtype=torch.uint8), torch.zeros(1, 1, 4)
        )
        for gray in (20, 200)
    )
    return {
        "model": model,
        "observation": now,
        "goal": model.encode(later),
        "previous": None,
        "policy": lambda observation: (0.0, 1.0),
    }


def _message(folder: Path) -> dict[str, Any]:
    image = SimpleNamespace(
        height=2, width=2, encoding="rgb8", is_bigendian=0, step=6, data=bytes(range(12))
    )
    return {"message": image}


def _pictures(folder: Path) -> dict[str, Any]:
    Files(folder).prepare(folder, ["goal.png", "mask.png"])
    return {}


BEFORE: dict[str, Callable[[Path], dict[str, Any]]] = {
    "docs/explanation/planning.md": _model_and_goal,
    "docs/how-to/images.md": _message,
    "docs/tutorials/dino-wm.md": _pictures,
}
"""What the code of a page takes for granted: the names in it that it does not define itself."""


def _blocks(page: Page, language: str) -> list[Block]:
    return [block for block in page.blocks if block.language == language]


@pytest.mark.parametrize(
    "page", [page for page in pages() if _blocks(page, "python")], ids=lambda page: page.name
)
def test_python_code_runs(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = BEFORE.get(page.name, lambda folder: {})(tmp_path)
    for block in _blocks(page, "python"):
        text = block.text
        if not torch.cuda.is_available():
            text = text.replace('device="cuda"', 'device="cpu"')
        lines = "\n" * block.line + text  # so that an error names the line of the page
        exec(compile(lines, page.path, "exec"), names)


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found = {}
    for name, value in content.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


@pytest.mark.parametrize(
    "page", [page for page in pages() if _blocks(page, "yaml")], ids=lambda page: page.name
)
def test_settings_in_yaml_exist_and_are_allowed(page: Page) -> None:
    for block in _blocks(page, "yaml"):
        content = yaml.safe_load(block.text)
        if "/**" in content:  # a file of ROS parameters
            content = content["/**"]["ros__parameters"]
        if SECTIONS.issuperset(content):
            given = _flat(content)
            assert settings_names().issuperset(given), f"{page.name}:{block.line}"
            compose(CONFIG, values=given)
