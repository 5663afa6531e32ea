"""The doctor says whether a model predicts better with the images before the newest one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from lewm_runs import EPISODES, PICKLED, convert_lewm
from safetensors.torch import load_file, save_file

from wm_planner.cli import main
from wm_planner.files.digest import file_sha256
from wm_planner.models import load_spec

POSITIONS = "predictor.pos_embedding"
QUICK = ["planning.num_samples=16", "planning.num_elites=4"]
ONE = "planning.horizon=1"  # model step, so that only the observed frames count


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert_lewm(PICKLED, tmp_path_factory.mktemp("converted") / "model").directory


def damaged(model: Path, directory: Path, position: int) -> Path:
    """Copy a model whose predictor misunderstands a frame at one position of its window."""
    shutil.copytree(model, directory)
    weights = load_file(model / "weights.safetensors")
    noise = torch.randn(weights[POSITIONS].shape, generator=torch.Generator().manual_seed(0))
    weights[POSITIONS][:, position] += noise[:, position]
    save_file(weights, directory / "weights.safetensors")
    spec = load_spec(model)
    spec.weights.sha256 = file_sha256(directory / "weights.safetensors")
    spec.save(directory)
    return directory


def examine(
    capsys: pytest.CaptureFixture[str], model: Path, *words: str
) -> tuple[dict[str, Any], str]:
    """Return the finding, and all notes."""
    main(["doctor", str(model), "--dataset", str(EPISODES), "--json", *QUICK, *words])
    sections = json.loads(capsys.readouterr().out)["sections"]
    found = [f for section in sections for f in section["findings"] if f["name"] == "history"]
    notes = " ".join(note for section in sections for note in section["notes"])
    return (found[0] if found else {}), notes


def test_a_sound_model_predicts_as_well_from_one_image(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for history in ("none", "real"):
        finding, notes = examine(capsys, model, f"model.history={history}")
        assert finding["verdict"] == "ok"
        assert 0.95 < finding["score"] < 1.05
        assert "from 3 images" in finding["evidence"]
        assert "Looking back" not in notes


def test_looking_back_that_makes_predictions_worse_is_named(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worse = damaged(model, tmp_path / "worse", 1)
    finding, _ = examine(capsys, worse, "model.history=real", ONE)
    assert (finding["verdict"], finding["score"] > 1.05) == ("warn", True)
    assert finding["sentence"].endswith("Set model.history to none.")
    finding, notes = examine(capsys, worse, ONE)
    assert finding["verdict"] == "ok"
    assert "Looking back" not in notes


def test_looking_back_that_makes_predictions_better_is_advised(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    better = damaged(model, tmp_path / "better", 0)
    finding, notes = examine(capsys, better, ONE)
    assert (finding["verdict"], finding["score"] < 0.95) == ("ok", True)
    assert "Try model.history=real" in notes
    _, notes = examine(capsys, better, "model.history=real", ONE)
    assert "Try model.history=real" not in notes
