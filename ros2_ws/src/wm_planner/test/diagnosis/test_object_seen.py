"""The doctor says whether the model sees what was moved between two pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from lewm_runs import DATA, EPISODES, PICKLED, convert_lewm
from recordings import change_spec

from wm_planner.cli import main
from wm_planner.models import load_spec

Findings = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("converted") / "model"
    return convert_lewm(PICKLED, output, dataset=EPISODES, calibrate=True).directory


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Pictures of a disc on the way, RGB."""
    images: np.ndarray = np.load(DATA / "reference.npz")["images_raw"]
    return images


def write(path: Path, image: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), np.ascontiguousarray(image[..., ::-1]))
    return path


@pytest.fixture
def moved(tmp_path: Path, pictures: np.ndarray) -> tuple[Path, Path]:
    """The disc at the start and at the end."""
    return write(tmp_path / "before.png", pictures[0]), write(tmp_path / "after.png", pictures[8])


def test_an_object_that_the_model_has_learned_is_seen(
    model: Path, moved: tuple[Path, Path], findings: Findings, capsys: pytest.CaptureFixture[str]
) -> None:
    _, found = findings(model, "--moved", *moved)
    assert "object_seen" not in found
    main(["doctor", str(model), "--moved", *map(str, moved)])
    assert "ok: with the object moved, the distance is" in capsys.readouterr().out


def test_an_object_that_the_model_ignores_is_named(
    model: Path, pictures: np.ndarray, tmp_path: Path, findings: Findings
) -> None:
    speck = pictures[0].copy()
    speck[1:3, 1:3] = 255 - speck[1:3, 1:3]
    files = write(tmp_path / "a.png", pictures[0]), write(tmp_path / "b.png", speck)
    code, found = findings(model, "--moved", *files)
    assert (code, found["object_seen"]["verdict"]) == (2, "stop")
    assert "it cannot plan with this object" in found["object_seen"]["sentence"]


def test_pictures_of_which_all_changed_say_nothing(
    model: Path, pictures: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dark = (pictures[0] * 0.5).astype(np.uint8)
    files = write(tmp_path / "a.png", pictures[0]), write(tmp_path / "b.png", dark)
    main(["doctor", str(model), "--moved", *map(str, files)])
    assert "More than one object seems to have changed" in capsys.readouterr().out


@pytest.mark.parametrize("other", ["same", "wide", "none"])
def test_what_is_no_pair_of_pictures_is_refused(
    model: Path, pictures: np.ndarray, tmp_path: Path, findings: Findings, other: str
) -> None:
    wide = {"same": pictures[0], "wide": np.repeat(pictures[0], 2, axis=1), "none": None}[other]
    before, after = write(tmp_path / "a.png", pictures[0]), tmp_path / "b.png"
    if wide is not None:
        write(after, wide)
    code, found = findings(model, "--moved", before, after)
    assert (code, found["object_seen"]["verdict"]) == (2, "stop")


def test_without_calibration_nothing_is_said(
    model: Path, moved: tuple[Path, Path], tmp_path: Path, findings: Findings
) -> None:
    spec = replace(load_spec(model), calibration=None)
    assert spec.calibration is None
    bare = change_spec(model, tmp_path / "bare", calibration=None)
    _, found = findings(bare, "--moved", *moved)
    assert "object_seen" not in found
