"""The doctor on image files: results, output and exit codes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from wm_planner.cli import main
from wm_planner.models import ModelSpec

Save = Callable[[str, NDArray[np.uint8]], str]
Doctor = Callable[..., tuple[int, dict[str, Any]]]


def _verdicts(section: dict[str, Any], *verdicts: str) -> dict[str, str]:
    return {f["name"]: f["verdict"] for f in section["findings"] if f["verdict"] in verdicts}


def test_an_image_like_those_of_training_has_no_findings(
    doctor: Doctor, model: str, image: NDArray[np.uint8], save: Save
) -> None:
    code, report = doctor(model, "--image", save("a.png", image), save("b.jpg", image))
    assert (code, report["exit_code"]) == (0, 0)
    for section in report["sections"][2:]:
        assert section["facts"]["size"] == "128x96"
        assert {"channel_swap", "aspect_ratio", "black"} <= _verdicts(section, "ok").keys()
        assert all(f["sentence"] == "" for f in section["findings"])


def test_exchanged_channels_stop(
    doctor: Doctor, model: str, image: NDArray[np.uint8], save: Save
) -> None:
    code, report = doctor(model, "--image", save("a.png", image[..., ::-1]))
    assert code == 2
    assert _verdicts(report["sections"][-1], "stop") == {"channel_swap": "stop"}


def test_a_small_image_only_warns_and_a_setting_silences_it(
    doctor: Doctor, model: str, image: NDArray[np.uint8], save: Save
) -> None:
    file = save("a.png", image[::2, ::2])
    code, report = doctor(model, "--image", file)
    assert code == 1
    assert _verdicts(report["sections"][-1], "stop", "warn") == {"resolution": "warn"}
    assert doctor(model, "--image", file, "camera.resolution=off")[0] == 0


def test_without_a_model_only_the_exposure_is_judged(
    doctor: Doctor, image: NDArray[np.uint8], save: Save
) -> None:
    code, report = doctor("--image", save("a.png", image[..., ::-1]))
    assert code == 0
    names = [f["name"] for f in report["sections"][-1]["findings"]]
    assert names == ["black", "constant", "float_feed", "near_zero", "saturated"]
    assert "Without a model" in report["sections"][-1]["notes"][0]
    code, report = doctor("--image", save("a.png", np.zeros_like(image)))
    assert code == 2
    assert _verdicts(report["sections"][-1], "stop") == {"black": "stop"}


def test_unreadable_files_are_results_and_the_others_are_examined(
    doctor: Doctor, model: str, image: NDArray[np.uint8], save: Save, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    files = [str(tmp_path / name) for name in ("broken.png", "missing.png", "")]
    code, report = doctor(model, "--image", *files, save("a.png", image))
    assert code == 2
    broken, missing, folder, good = report["sections"][2:]
    assert "neither a PNG nor a JPEG" in broken["findings"][0]["sentence"]
    assert "No such file" in missing["findings"][0]["sentence"]
    assert "directory" in folder["findings"][0]["sentence"]
    assert _verdicts(good, "stop", "warn") == {}


def test_versions_and_the_conversion_path_come_first(doctor: Doctor) -> None:
    code, report = doctor()
    assert code == 0
    (versions,) = report["sections"]
    assert versions["title"].startswith("wm_planner ")
    assert {"Python", "NumPy", "OpenCV", "ROS 2"} <= versions["facts"].keys()
    assert "own code the others" in versions["facts"]["images"]


def test_a_missing_model_is_a_result(
    doctor: Doctor, image: NDArray[np.uint8], save: Save, tmp_path: Path
) -> None:
    code, report = doctor(str(tmp_path / "nowhere"), "--image", save("a.png", image))
    assert code == 2
    assert "give the directory" in report["sections"][1]["findings"][0]["sentence"]
    assert _verdicts(report["sections"][2], "stop") == {}


def test_statistics_without_provenance_stop_unless_allowed(
    doctor: Doctor, camera_spec: ModelSpec, image: NDArray[np.uint8], save: Save, tmp_path: Path
) -> None:
    camera_spec.statistics.provenance = None
    camera_spec.save(tmp_path)
    words = (str(tmp_path), "--image", save("a.png", image))
    code, report = doctor(*words)
    assert code == 2
    assert _verdicts(report["sections"][1], "stop") == {"provenance": "stop"}
    assert report["sections"][1]["facts"]["name"] == "toy (latent)"
    assert doctor(*words, "model.allow_unverified_statistics=true")[0] == 1


@pytest.mark.parametrize("override", ["images.bit_depth=17", "images.nothing=1"])
def test_a_wrong_setting_is_a_result(doctor: Doctor, override: str) -> None:
    code, report = doctor(override)
    assert code == 2
    assert override.split("=")[0].split(".")[1] in report["sections"][-1]["findings"][0]["sentence"]


def test_settings_are_found_without_ros(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    assert doctor("images.float_range=[0,1]", "images.bit_depth=12")[0] == 0


def test_wrong_arguments_exit_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["doctor", "--seconds", "0"], ["doctor", "--image", "a", "--topic", "b"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_the_program_prints_an_aligned_table(
    model: str, image: NDArray[np.uint8], save: Save
) -> None:
    command = [sys.executable, "-m", "wm_planner.cli", "doctor", model, "--quiet", "--image"]
    command.append(save("a.png", np.zeros_like(image)))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (2, "")
    lines = done.stdout.splitlines()
    assert "  check             score    limit  result" in lines
    assert any(line.startswith("  black             0.000    0.031  STOP: ") for line in lines)
    assert lines[-1] == "1 problem and 1 warning found."


def test_a_gray_goal_image_is_examined_like_any_other(
    doctor: Doctor, model: str, image: NDArray[np.uint8], save: Any
) -> None:
    gray = np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    now, goal = save("now.png", image), save("goal.png", gray)
    code, report = doctor(model, "--image", now, "--goal-image", goal)
    assert code == 2
    stops = {
        section["title"]: [f["name"] for f in section["findings"] if f["verdict"] == "stop"]
        for section in report["sections"]
    }
    assert stops[f"image {goal}"] == ["gray"]
    assert stops[f"image {now}"] == []
