"""The doctor on a genuine DINO-WM run: no findings as it is, each planted fault named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import recordings

from wm_planner.conversion.dino_wm.convert import convert
from wm_planner.conversion.facts import ActionFacts, Facts, ProprioFacts
from wm_planner.conversion.request import Request
from wm_planner.datasets import read
from wm_planner.models import load_spec
from wm_planner.models.spec import Calibration

RUN = Path(__file__).parents[1] / "data" / "dino_wm"
DATA = RUN / "data" / "point_maze"
ENCODER = RUN / "dinov2_tiny_pretrain.pth"
QUICK = ("planning.num_samples=16", "planning.num_elites=4", "planning.iterations=1")

Findings = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("converted") / "tiny"
    facts = Facts(
        control_rate=10.0,
        color_order="rgb",
        encoder_heads=3,
        action=ActionFacts(["fx", "fy"], ["N", "N"], "maze"),
        proprio=ProprioFacts(["x", "y", "vx", "vy"], ["m", "m", "m/s", "m/s"]),
    )
    return convert(Request(RUN / "outputs/tiny", directory, ENCODER, DATA), facts).directory


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Files of the recorded start and goal, and their states."""
    arrays = np.load(RUN / "reference.npz")
    folder = tmp_path_factory.mktemp("task")
    for name in ("obs", "goal"):
        rgb = arrays[f"{name}_visual"][0, 0]
        assert cv2.imwrite(str(folder / f"{name}.png"), np.ascontiguousarray(rgb[..., ::-1]))
    images = ("--image", folder / "obs.png", "--goal-image", folder / "goal.png")
    return {
        "images": images,
        "start": arrays["obs_proprio"].ravel().astype(float),
        "goal": arrays["goal_proprio"].ravel().astype(float),
    }


def test_the_converted_run_is_sound_on_its_data_and_with_its_encoder(
    model: Path, findings: Findings
) -> None:
    assert findings(model, "--dataset", DATA, "--encoder", ENCODER) == (0, {})


@pytest.mark.parametrize(
    ("calibration", "code", "words"),
    [
        (Calibration(0.01, 0.5, 0.2), 0, ""),
        (Calibration(0.01, 0.5, 0.7), 1, "A goal counts as reached with 70% of the usual way left"),
        (Calibration(0.01, 500.0, 0.2), 2, "any image would count as the goal"),
    ],
)
def test_a_calibration_that_reaches_goals_too_early_is_named(
    model: Path, findings: Findings, tmp_path: Path, calibration: Calibration, code: int, words: str
) -> None:
    changed = recordings.change_spec(model, tmp_path, calibration=calibration)
    result, found = findings(changed)
    assert (result, set(found)) == (code, {"calibration"} if words else set())
    assert words in str(found)


def test_statistics_of_one_episode_less_are_named(
    model: Path, findings: Findings, tmp_path: Path
) -> None:
    statistics = read(DATA, "point_maze", n_rollout=11).statistics()
    changed = recordings.change_spec(model, tmp_path, statistics=statistics)
    found = findings(changed, "--dataset", DATA)[1]
    sentence = found["action_stats"]["sentence"]
    assert "the first 11 episodes, the training read 12 (1 fewer)" in sentence
    assert "sigma" in sentence


def test_statistics_of_another_part_are_named(
    model: Path, findings: Findings, tmp_path: Path
) -> None:
    statistics = read(DATA, "point_maze", n_rollout=12).statistics("validation")
    changed = recordings.change_spec(model, tmp_path, statistics=statistics)
    code, found = findings(changed, "--dataset", DATA)
    assert code == 2
    assert "validation episodes alone" in found["action_stats"]["sentence"]


def test_a_goal_s_state_at_three_and_a_half_sigma_is_named(
    model: Path, task: dict[str, Any], findings: Findings
) -> None:
    moments = load_spec(model).statistics.proprio
    assert moments is not None
    goal = task["goal"].copy()
    goal[1] = moments.mean[1] + 3.53 * moments.std[1]
    code, found = findings(model, *task["images"], *_states(task["start"], goal), *QUICK)
    assert code == 2
    assert "y of the goal is" in found["goal_proprio"]["sentence"]
    assert "+3.53 sigma" in found["goal_proprio"]["sentence"]
    assert "proprio" not in found


def test_states_inside_the_training_s_range_have_no_finding(
    model: Path, task: dict[str, Any], findings: Findings
) -> None:
    assert findings(model, *_states(task["start"], task["goal"])) == (0, {})


def test_a_missing_state_is_asked_for_by_its_names(
    model: Path, task: dict[str, Any], findings: Findings
) -> None:
    code, found = findings(model, *task["images"])
    assert code == 2
    assert "--goal-proprio (x, y, vx, vy)" in found["proprio"]["sentence"]


def test_another_encoder_file_is_named(model: Path, findings: Findings) -> None:
    code, found = findings(model, "--encoder", RUN / "README.md")
    assert (code, list(found)) == (2, ["encoder_file"])
    assert ENCODER.name in found["encoder_file"]["sentence"]


def test_exchanged_names_of_actions_are_found_by_a_layout(
    model: Path, findings: Findings, tmp_path: Path
) -> None:
    spec = load_spec(model)
    layout = {
        "action": {"fy": "N", "fx": "N"},
        "state": {"x": "m", "y": "m", "vx": "m/s", "vy": "m/s"},
        "proprio": spec.proprio.names,
        "epsilon": 0.0,
    }
    rows = np.random.default_rng(0).normal(0, 1, (4, 12, 2)).astype(np.float32)
    states = np.random.default_rng(1).normal(0, 1, (4, 13, 4)).astype(np.float32)
    data_set = recordings.write_set(
        tmp_path / "set", rows, states, np.zeros((0, 13, 2, 2, 3), np.uint8), layout
    )
    own = replace(spec, source={}, statistics=read(data_set, "franka").statistics())
    changed = recordings.change_spec(model, tmp_path / "model", **vars(own))
    code, found = findings(changed, "--dataset", data_set)
    assert code == 2
    assert "1 is 'fy' in the data and 'fx' in model.yaml" in found["action_names"]["sentence"]


def _states(start: Any, goal: Any) -> list[str]:
    return ["--proprio", *map(str, start), "--goal-proprio", *map(str, goal)]
