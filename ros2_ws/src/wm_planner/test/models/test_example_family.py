"""The example in docs/, installed as a lab would install it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[5] / "docs" / "examples" / "lab_world_model"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables with which the example is installed."""
    site, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source")
    for file in EXAMPLE.iterdir():
        if file.is_file():
            (source / file.name).write_bytes(file.read_bytes())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--no-deps", "--no-build-isolation", "--target", str(site), str(source)])
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(site), *sys.path])}


@pytest.fixture(scope="module")
def model(installed: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("model")
    _run([sys.executable, str(EXAMPLE / "export.py"), str(directory)], installed)
    return directory


def _run(command: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_has_fewer_than_a_hundred_lines() -> None:
    assert len((EXAMPLE / "lab_world_model.py").read_text().splitlines()) < 100


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "the following arguments are required: directory"),
        (["/proc/x"], 2, "/proc/x cannot be written: "),
        (["--help"], 0, ""),
    ],
)
def test_the_export_explains_itself(
    words: list[str], code: int, said: str, installed: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, str(EXAMPLE / "export.py"), *words]
    done = subprocess.run(command, env=installed, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_example_plans(model: Path, installed: dict[str, str], tmp_path: Path) -> None:
    for name, value in (("now", 20), ("goal", 200)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((96, 128, 3), value, np.uint8))
    images = ["--image", f"{tmp_path}/now.png", "--goal-image", f"{tmp_path}/goal.png"]
    words = ["plan", str(model), *images, "--json", "planning.num_samples=32"]
    plan = json.loads(_run([sys.executable, "-m", "wm_planner.cli", *words], installed))
    assert np.shape(plan["actions"]) == (5, 3)
    assert plan["names"] == ["dx", "dy", "dz"]
    assert plan["cost_history"][-1] < plan["cost_history"][0]
    assert np.abs(plan["actions"]).max() <= 0.05 + 1e-6


def test_a_family_that_is_not_installed_is_named(model: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "wm_planner.cli", "plan", str(model)]
    images = ["--image", "a.png", "--goal-image", "b.png"]
    done = subprocess.run([*command, *images], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "family 'lab' is not installed; installed are: latent" in done.stderr.replace(
        "dino_wm, ", ""
    )
