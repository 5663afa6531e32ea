"""Each long job of the commands shows its phases, and all units of those of known length."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from lewm_runs import DATA, EPISODES, PICKLED
from recorded_progress import RecordedProgress

from wm_planner.cli import (
    convert_command,
    doctor_command,
    inspect_command,
    main,
    plan_command,
)
from wm_planner.progress import silent

MODEL = Path(__file__).parents[3] / "wm_planner_sim" / "models" / "franka_reach"
FACTS = ["--control-rate", "10", "--color-order", "rgb", "--camera-crop", "square"]
FACTS += ["--action-names", "dx", "dy", "--action-units", "m", "m", "--action-frame", "base"]
FACTS += ["--dataset", str(EPISODES), "--normalization", "population", "--calibrate"]
DEVICE = "model.device=cpu"


@pytest.fixture
def progress(monkeypatch: pytest.MonkeyPatch) -> RecordedProgress:
    """What the commands would show unless they are quiet."""
    recorded = RecordedProgress()
    for command in (convert_command, doctor_command, inspect_command, plan_command):
        monkeypatch.setattr(command, "shown_progress", lambda quiet: recorded)
    return recorded


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder, words = tmp_path_factory.mktemp("images"), []
    frames = np.load(DATA / "reference.npz")["images_raw"]
    for name, frame in (("image", frames[0]), ("goal-image", frames[5])):
        assert cv2.imwrite(str(folder / f"{name}.png"), frame[..., ::-1])
        words += [f"--{name}", str(folder / f"{name}.png")]
    return words


def test_conversion_and_doctor_show_what_they_do(
    progress: RecordedProgress, tmp_path: Path
) -> None:
    output = str(tmp_path / "model")
    assert main(["convert", str(PICKLED), output, *FACTS]) == 1
    assert progress.names == [
        f"reading {PICKLED.name}",
        "reading the numbers of the dataset",
        "measuring the colors of the images",
        "computing digests of the episodes",
        "writing the weights",
        "encoding images for the calibration",
    ]
    progress.check()
    progress.phases.clear()
    few = [DEVICE, "planning.num_samples=16", "planning.iterations=2"]
    assert main(["doctor", output, "--dataset", str(EPISODES), *few]) < 3
    progress.check()
    assert [name for name in progress.names if not name.startswith("examining")] == [
        "loading the model",
        "reading the numbers of the dataset",
        "computing digests of the episodes",
        "encoding images",
        "predicting images",
        "encoding images",
        "predicting images",
        "planning",
    ]
    assert "examining weights" in progress.names
    assert f"examining dataset {EPISODES}" in progress.names


def test_inspection_shows_what_it_measures(progress: RecordedProgress) -> None:
    assert main(["inspect", str(MODEL), "--samples", "4", "--iterations", "1", DEVICE]) == 0
    assert progress.names == [
        "loading the model",
        "choosing how to compute rollouts",
        "measuring what a plan costs",
    ]
    progress.check()


def test_a_plan_shows_its_iterations(progress: RecordedProgress, task: list[str]) -> None:
    settings = ["planning.preset=dino_wm", "planning.num_samples=30", "planning.iterations=4"]
    assert main(["plan", str(MODEL), *task, *settings, DEVICE]) == 0
    assert progress.names == ["loading the model", "planning"]
    assert progress.phases[-1].total == 4
    progress.check()


def test_a_search_and_its_refinement_have_no_common_number_of_iterations(
    progress: RecordedProgress, task: list[str]
) -> None:
    assert main(["plan", str(MODEL), *task, "planning.preset=cem_gd", DEVICE]) == 0
    assert progress.phases[-1].total is None
    assert progress.phases[-1].done > 1
    progress.check()


def test_progress_does_not_change_a_plan(
    task: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["plan", str(MODEL), *task, DEVICE, "planning.num_samples=64", "--json"]
    plans = []
    for progress in (RecordedProgress(), silent):
        monkeypatch.setattr(plan_command, "shown_progress", lambda quiet, use=progress: use)
        assert main(words) == 0
        plans.append(json.loads(capsys.readouterr().out)["actions"])
    assert plans[0] == plans[1]


@pytest.mark.parametrize("option", ["--quiet", "--json"])
@pytest.mark.parametrize(
    "command", [convert_command, doctor_command, inspect_command, plan_command]
)
def test_quiet_and_json_are_without_progress(
    command: object, option: str, task: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def shown(quiet: bool) -> RecordedProgress:
        asked.append(quiet)
        return RecordedProgress()

    monkeypatch.setattr(command, "shown_progress", shown)
    lines = {
        convert_command: ["convert", str(PICKLED), str(tmp_path / "model"), *FACTS],
        doctor_command: ["doctor"],
        inspect_command: ["inspect", str(MODEL), "--samples", "4", "--iterations", "1", DEVICE],
        plan_command: ["plan", str(MODEL), *task, DEVICE, "planning.num_samples=64"],
    }
    main([*lines[command], option])  # type: ignore[index]
    assert asked == [True]


@pytest.mark.parametrize("option", [[], ["--quiet"]])
def test_no_line_is_longer_than_the_terminal(
    option: list[str],
    task: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """But for titles and commands that can be copied, which hold paths."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "reach").symlink_to(MODEL)
    (tmp_path / "data.h5").symlink_to(EPISODES)
    short = [word if word != str(EPISODES) else "data.h5" for word in FACTS]
    few = [DEVICE, "planning.num_samples=16", "planning.iterations=2"]
    for words in (
        ["convert", str(PICKLED), "model", *short],
        ["doctor", "model", "--dataset", "data.h5", *few],
        ["doctor", "reach", *task[:2], "images.bit_depth=12", *few],
        ["inspect", "reach", "--samples", "4", "--iterations", "1", DEVICE],
        ["plan", "reach", *task, *few],
    ):
        assert main([*words, *option]) in (0, 1), words
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) > 2, words
        begins = [not before.strip() for before in ["", *lines]]  # a section, with its title
        titled = words[0] in ("doctor", "inspect")
        long = [
            line
            for line, first in zip(lines, begins, strict=False)
            if len(line) > 80 and not (first and titled) and "; next: wm-planner " not in line
        ]
        assert long == [], words
