"""A LeWM checkpoint from the command line: convert, doctor, inspect, plan."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from lewm_runs import DATA, EPISODES, NUMBERS, PICKLED

from wm_planner.cli import main
from wm_planner.models import load_spec

FACTS = ["--control-rate", "10", "--color-order", "rgb", "--camera-crop", "square"]
FACTS += ["--action-names", "dx", "dy", "--action-units", "m", "m", "--action-frame", "base"]
DATASET = ["--dataset", str(EPISODES), "--normalization", "population"]
LICENSE = ["--license", "CC-BY-NC-4.0", "--license-terms", "non-commercial use only"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output: Path = tmp_path_factory.mktemp("converted") / "model"
    words = ["convert", str(PICKLED), str(output), *FACTS, *DATASET, *LICENSE]
    assert main([*words, "--calibrate", "--epochs", "100"]) == 1  # of two episodes only
    return output


def test_convert_prints_form_terms_and_the_next_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "model"
    words = ["--dataset", str(NUMBERS), "--normalization", "sample"]
    code = main(["convert", str(DATA / "lewm"), str(output), *FACTS, *words, *LICENSE])
    printed = capsys.readouterr().out
    assert code == 1  # epochs and calibration are not known
    assert "form        a state dict" in printed
    assert "license     CC-BY-NC-4.0: non-commercial use only" in printed
    assert "5 steps at 10 Hz a model step" in printed
    assert "give --epochs" in printed
    assert printed.splitlines()[-1].endswith(f"wm-planner doctor {output} --dataset {NUMBERS}")


def test_without_a_license_the_user_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["convert", str(PICKLED), str(tmp_path / "model"), *FACTS, *DATASET])
    assert "license     not stated: ask the authors" in capsys.readouterr().out


def test_what_is_missing_is_a_file_to_fill_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(PICKLED), str(tmp_path / "model")]) == 2
    asked = capsys.readouterr().err
    for words in ("--dataset FILE", "--camera-crop", "--normalization", "camera_crop:"):
        assert words in asked
    file = tmp_path / "facts.yaml"
    file.write_text(
        "control_rate: 10\ncolor_order: rgb\ncamera_crop: center\nnormalization: sample\n"
        "action: {names: [dx, dy], units: [m, m], frame: base}\n"
        "license: {name: MIT}\n"
    )
    words = ["convert", str(PICKLED), str(tmp_path / "model"), "--meta", str(file)]
    assert main([*words, "--dataset", str(NUMBERS)]) == 1
    spec = load_spec(tmp_path / "model")
    assert (spec.image.fit, spec.license.name) == ("crop", "MIT")


def test_options_of_the_other_family_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["convert", str(PICKLED), str(tmp_path / "model"), *FACTS, *DATASET]
    assert main([*words, "--proprio-names", "x", "--proprio-units", "m"]) == 2
    assert "proprio was given, which a LeWM model does not have" in capsys.readouterr().err
    maze = DATA.parent / "dino_wm/outputs/tiny"
    assert main(["convert", str(maze), str(tmp_path / "model"), "--camera-crop", "center"]) == 2
    assert "camera_crop was given, which a DINO-WM model" in capsys.readouterr().err


def test_the_doctor_finds_nothing_wrong(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", str(directory), "--dataset", str(EPISODES), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    checks = [check for section in found["sections"] for check in section["findings"]]
    results = {check["name"]: check["verdict"] for check in checks}
    for name in (
        "eval_mode", "repeatable", "calibration", "action_stats", "data_digest", "episodes",
        "color_order", "action_order", "one_step", "rollout", "plan",
    ):  # fmt: skip
        assert results[name] == "ok", name


def test_inspect_shows_terms_metric_and_the_part_of_the_image(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(directory), "--samples", "8", "--iterations", "2"]) == 0
    printed = capsys.readouterr().out
    for words in ("CC-BY-NC-4.0: non-commercial use only", "l2 (sum)", "epoch not known",
                  "in the camera's shape", "history     3 frames", "ddof 0"):  # fmt: skip
        assert words in printed


def test_a_plan_in_physical_units(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = np.load(DATA / "reference.npz")["images_raw"]
    for name, image in (("now", images[0]), ("goal", images[5])):
        cv2.imwrite(str(tmp_path / f"{name}.png"), image[..., ::-1])
    words = ["--image", str(tmp_path / "now.png"), "--goal-image", str(tmp_path / "goal.png")]
    settings = ["planning.preset=dino_wm", "planning.iterations=8"]
    assert main(["plan", str(directory), *words, "--json", *settings]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert np.shape(plan["actions"]) == (25, 2)
    assert plan["cost_history"][-1] < plan["cost_history"][0]
    assert 0 < plan["distance"] < 2  # typical distances, although costs are sums
