"""The doctor on models and recordings: planted faults are found, sound ones have no finding.

The data are of the simulated arm; the model is the embedded one with the data's statistics.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recordings
import torch
from rosbags.rosbag2 import StoragePlugin
from safetensors.torch import load_file

from wm_planner.cli import main
from wm_planner.datasets import read
from wm_planner.models import load_spec
from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.spec import Moments, Training

pytestmark = [pytest.mark.sim, pytest.mark.filterwarnings("ignore")]

Findings = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


def test_a_sound_model_has_no_finding_on_its_data(recorded: Any, findings: Findings) -> None:
    assert findings(recorded.model, "--dataset", recorded.data_set) == (0, {})


@pytest.mark.parametrize("plugin", list(StoragePlugin))
@pytest.mark.parametrize("compressed", [False, True])
def test_a_sound_model_has_no_finding_on_a_bag(
    recorded: Any, findings: Findings, tmp_path: Path, plugin: StoragePlugin, compressed: bool
) -> None:
    path = recordings.write_bag(
        tmp_path / "bag", *_episode(recorded, 1), plugin=plugin, compressed=compressed
    )
    assert findings(recorded.model, "--bag", path) == (0, {})


def test_the_committed_model_is_sound_alone(findings: Findings) -> None:
    assert findings(recordings.EMBEDDED) == (0, {})


@pytest.mark.parametrize("typical", [5.0, 30.0])
def test_a_typical_distance_that_cannot_be_is_named(
    findings: Findings, tmp_path: Path, typical: float
) -> None:
    calibration = load_spec(recordings.EMBEDDED).calibration
    assert calibration
    calibration = replace(calibration, typical_distance=typical)
    model = recordings.change_spec(recordings.EMBEDDED, tmp_path / "m", calibration=calibration)
    code, found = findings(model)
    assert (code, set(found)) == (2, {"calibration"})
    assert "any image would count as the goal" in found["calibration"]["sentence"]


def test_statistics_of_one_part_are_named(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    for part in ("train", "validation"):
        statistics = read(recorded.data_set, "franka").statistics(part)
        model = recordings.change_spec(recorded.model, tmp_path / part, statistics=statistics)
        code, found = findings(model, "--dataset", recorded.data_set)
        assert code == 2
        assert (
            f"of the {'training' if part == 'train' else part} episodes alone"
            in (found["action_stats"]["sentence"])
        )
        assert found["action_stats"]["score"] > 0.05


def test_statistics_off_by_one_episode_are_named(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    rows = np.random.default_rng(0).normal(0, 0.02, (12, 20, 3)).astype(np.float32)
    places = np.cumsum(np.concatenate([rows[:, :1], rows], axis=1), axis=1)
    data_set = recordings.write_set(tmp_path / "set", rows, places, np.zeros((0, 21, 2, 2, 3)))
    statistics = recordings.statistics_of(data_set, n_rollout=11)
    model = recordings.change_spec(recorded.model, tmp_path / "model", statistics=statistics)
    found = findings(model, "--dataset", data_set)[1]
    assert "11" in found["action_stats"]["sentence"]
    assert "episodes" in found["action_stats"]["sentence"]


def test_statistics_with_exchanged_columns_are_named(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    spec = load_spec(recorded.model)
    right = spec.statistics.action
    swapped = Moments([right.mean[i] for i in (1, 0, 2)], [right.std[i] for i in (1, 0, 2)])
    statistics = replace(spec.statistics, action=swapped)
    model = recordings.change_spec(recorded.model, tmp_path, statistics=statistics)
    code, found = findings(model, "--dataset", recorded.data_set)
    assert code == 2
    assert "[dy, dx, dz]" in found["action_stats"]["sentence"]


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1)])
def test_exchanged_action_columns_of_a_bag_are_named_by_motion_and_by_model(
    recorded: Any, findings: Findings, tmp_path: Path, order: Sequence[int]
) -> None:
    path = recordings.write_bag(tmp_path / "bag", *_episode(recorded, 1), columns=order)
    code, found = findings(recorded.model, "--bag", path)
    assert code == 2
    moves = "".join("xyz"[axis] for axis in order)
    for name, axis in zip(("dx", "dy", "dz"), moves, strict=True):
        named = f"'{name}' moves {axis}" in found["motion_axes"]["sentence"]
        assert named == (name != f"d{axis}")
    assert f"dx from column {list(order).index(0) + 1}" in found["action_order"]["sentence"]
    assert "'motion_axes', 'action_order' first" in found["one_step"]["sentence"]


def test_a_column_of_the_other_sign_is_named(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    turned = recorded._replace(actions=recorded.actions * np.float32([1, -1, 1]))
    found = findings(recorded.model, "--bag", _bag(turned, tmp_path))[1]
    assert "'dy' moves y the other way" in found["motion_axes"]["sentence"]


def test_actions_in_another_unit_are_named(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    millimeters = recorded._replace(actions=recorded.actions * np.float32(1000))
    code, found = findings(recorded.model, "--bag", _bag(millimeters, tmp_path))
    assert code == 2
    assert "0.00101 times as far" in found["motion_scale"]["sentence"]
    assert "outside action.lower" in found["action_bounds"]["sentence"]


def test_exchanged_colors_are_named_with_and_without_known_training_colors(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    swapped = recorded._replace(images=recorded.images[..., ::-1])
    path = _bag(swapped, tmp_path)
    code, found = findings(recorded.model, "--bag", path)
    assert code == 2
    assert "red and blue exchanged" in found["channel_swap"]["sentence"]
    assert "'color_order' first" in found["one_step"]["sentence"]
    image = replace(load_spec(recorded.model).image, channel_mean=[], channel_std=[])
    model = recordings.change_spec(recorded.model, tmp_path / "model", image=image)
    found = findings(model, "--bag", path)[1]
    assert "channel_swap" not in found
    assert "BGR where the model expects RGB" in found["color_order"]["sentence"]


def test_an_early_checkpoint_is_named(recorded: Any, findings: Findings, tmp_path: Path) -> None:
    model = recordings.change_spec(recorded.model, tmp_path, training=Training(9, 100, 0))
    code, found = findings(model)
    assert (code, list(found)) == (2, ["epoch"])
    assert "epoch 9 of 100" in found["epoch"]["sentence"]


def test_untrained_weights_are_named(recorded: Any, findings: Findings, tmp_path: Path) -> None:
    spec = load_spec(recorded.model)
    model = recordings.save_model(tmp_path, spec, _untrained(spec))
    code, found = findings(model, "--dataset", recorded.data_set)
    assert code == 2
    assert found["untrained"]["verdict"] == "stop"
    assert "'untrained'" in found["rollout"]["sentence"]
    assert "THE MODEL" in found["plan"]["sentence"]


def test_a_predictor_that_learned_nothing_is_at_fault(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    weights = _mixed(recorded.model, "predictor")
    model = recordings.save_model(tmp_path, load_spec(recorded.model), weights)
    code, found = findings(model, "--dataset", recorded.data_set)
    assert code == 2
    assert {"one_step", "rollout"} <= found.keys()
    assert "ignores actions" in found["action_use"]["sentence"]
    assert "THE MODEL" in found["plan"]["sentence"]


def test_another_encoder_than_the_training_s_is_named(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    weights = _mixed(recorded.model, "encoder")
    model = recordings.save_model(tmp_path, load_spec(recorded.model), weights)
    code, found = findings(model, "--dataset", recorded.data_set)
    assert code == 2
    assert "weights are not those of the training" in found["latents"]["sentence"]
    assert {"encoder", "one_step", "rollout", "plan"} <= found.keys()


def test_another_encoder_is_named_without_a_calibration(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    spec = replace(load_spec(recorded.model), calibration=None)
    model = recordings.save_model(tmp_path, spec, _mixed(recorded.model, "encoder"))
    found = findings(model, "--dataset", recorded.data_set)[1]
    assert "not those that the predictor was trained with" in found["encoder"]["sentence"]


def test_a_planner_that_searches_too_little_is_at_fault(recorded: Any, findings: Findings) -> None:
    settings = ("planning.num_samples=8", "planning.num_elites=8", "planning.iterations=1")
    found = findings(recorded.model, "--dataset", recorded.data_set, *settings)[1]
    assert list(found) == ["plan"]
    assert "THE PLANNER" in found["plan"]["sentence"]


def test_a_recording_whose_images_do_not_change_is_not_judged(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    still = recorded._replace(images=np.repeat(recorded.images[:, :1], 21, axis=1))
    found = findings(recorded.model, "--bag", _bag(still, tmp_path))[1]
    assert "Hardly a pixel changes" in found["one_step"]["sentence"]
    assert "plan" not in found


def test_two_images_show_whether_a_plan_helps(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    files = [_png(tmp_path / f"{step}.png", recorded.images[0, step]) for step in (0, 5)]
    found = findings(recorded.model, "--image", files[0], "--goal-image", files[1])[1]
    assert {"aspect_ratio"} == found.keys()  # the images of the dataset are cropped
    found = findings(recorded.model, "--image", files[0], "--goal-image", files[0])[1]
    assert "the same" in found["plan"]["sentence"]


def test_inputs_that_cannot_be_examined_are_results(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for words, name, expected in (
        (("--dataset", tmp_path / "empty"), "dataset", "give --dataset-kind"),
        (("--dataset", tmp_path / "none", "--dataset-kind", "pusht"), "dataset", "does not exist"),
        (("--dataset", recorded.data_set, "--dataset-kind", "x"), "dataset", "kind 'x'"),
        (("--dataset", recorded.data_set, "--episode", "99"), "episode", "episodes 0 to 3"),
        (("--bag", tmp_path / "empty"), "bag", "metadata.yaml"),
        (("--proprio", "1"), "proprio", "images only"),
        (("--encoder", recorded.model / "model.yaml"), "encoder_file", "convert the model again"),
        (("--dataset", recorded.data_set, "planning.preset=nothing"), "settings", "nothing"),
    ):
        code, found = findings(recorded.model, *words)
        assert code == 2
        assert expected in found[name]["sentence"]
        assert found[name]["sentence"].endswith(".")


def test_missing_or_damaged_weights_are_a_result(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    model = recordings.change_spec(recorded.model, tmp_path)
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "damaged" in findings(model)[1]["weights"]["sentence"]
    weights.unlink()
    code, found = findings(model, "--dataset", recorded.data_set)
    assert (code, list(found)) == (2, ["weights"])


def test_arguments_that_need_others_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    model = str(recordings.EMBEDDED)
    for words, expected in (
        (["--dataset", "a"], "needs a model"),
        ([model, "--goal-image", "a"], "needs one --image"),
        ([model, "--goal-image", "a", "--image", "b", "c"], "needs one --image"),
        ([model, "--windows", "0"], "from 1 to 1000"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(["doctor", *words])
        assert caught.value.code == 2
        assert expected in capsys.readouterr().err


def test_the_program_prints_evidence_and_losses(recorded: Any) -> None:
    command = [sys.executable, "-m", "wm_planner.cli", "doctor", recorded.model]
    done = subprocess.run(
        [*map(str, command), "--dataset", str(recorded.data_set), "--quiet"],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "against all 0, train" in " ".join(done.stdout.split())
    assert any(line.split()[:2] == ["recorded", "actions"] for line in lines)
    assert lines[-1] == "no problems and no warnings found."


def test_json_has_the_losses_as_numbers(recorded: Any, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", str(recorded.model), "--dataset", str(recorded.data_set), "--json"])
    losses = json.loads(capsys.readouterr().out)["sections"][-1]["facts"]["loss of"]
    assert losses["the goal itself"] == 0.0
    assert 0 < losses["the plan"] < losses["zero actions"]


def _episode(recorded: Any, index: int) -> tuple[Any, Any, Any]:
    return recorded.actions[index], recorded.positions[index], recorded.images[index]


def _bag(recorded: Any, folder: Path) -> Path:
    return recordings.write_bag(folder / "bag", *_episode(recorded, 1))


def _png(path: Path, rgb: Any) -> Path:
    import cv2

    assert cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))
    return path


def _untrained(spec: Any) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return LatentWorldModel(spec, None).networks.state_dict()


def _mixed(model: Path, part: str) -> dict[str, torch.Tensor]:
    """Returns the model's weights, those of one network untrained."""
    fresh = _untrained(load_spec(model))
    weights = load_file(model / "weights.safetensors")
    return {name: fresh[name] if name.startswith(part) else weights[name] for name in weights}


def test_a_model_without_training_colors_is_told_them_from_its_dataset(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    known = load_spec(recorded.model).image
    assert "image_statistics" not in findings(recorded.model, "--dataset", recorded.data_set)[1]
    image = replace(known, channel_mean=[], channel_std=[])
    model = recordings.change_spec(recorded.model, tmp_path / "model", image=image)
    found = findings(model, "--dataset", recorded.data_set)[1]["image_statistics"]
    assert found["verdict"] == "warn"
    for name in ("channel_mean: [0.", "channel_std: [0.", "color_difference: 0."):
        assert name in found["sentence"]
