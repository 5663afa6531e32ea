"""A model's directory, an image like those of its training, and the doctor in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wm_planner.cli import main
from wm_planner.models import ModelSpec

MEAN, STD = (0.6, 0.5, 0.4), (0.2, 0.15, 0.1)

Doctor = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables and help have 80 columns, whatever terminal runs the tests."""
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def camera_spec(spec: ModelSpec) -> ModelSpec:
    spec.image.channel_mean, spec.image.channel_std = list(MEAN), list(STD)
    return spec


@pytest.fixture
def model(camera_spec: ModelSpec, tmp_path: Path) -> str:
    (tmp_path / "model").mkdir()
    return str(camera_spec.save(tmp_path / "model").parent)


@pytest.fixture
def image() -> NDArray[np.uint8]:
    """RGB with the training's statistics."""
    values = np.random.default_rng(0).normal(MEAN, STD, (96, 128, 3))
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str, NDArray[np.uint8]], str]:
    def write(name: str, rgb: NDArray[np.uint8]) -> str:
        assert cv2.imwrite(str(tmp_path / name), np.ascontiguousarray(rgb[..., ::-1]))
        return str(tmp_path / name)

    return write


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Runs ``wm-planner doctor … --json``; returns the exit code and the report."""

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        code = main(["doctor", "--json", *words])
        return code, json.loads(capsys.readouterr().out)

    return run
