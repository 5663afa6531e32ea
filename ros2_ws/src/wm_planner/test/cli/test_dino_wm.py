"""A DINO-WM run from its files to a plan, with the commands that a user types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from wm_planner.cli import main

RUN = Path(__file__).parents[1] / "data" / "dino_wm"
FACTS = [
    *("--encoder-heads", "3", "--control-rate", "10", "--color-order", "rgb"),
    *("--action-names", "fx", "fy", "--action-units", "N", "N", "--action-frame", "world"),
    *("--proprio-names", "x", "y", "vx", "vy", "--proprio-units", "m", "m", "m/s", "m/s"),
]


@pytest.fixture
def model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    path = str(tmp_path / "model")
    encoder = ["--encoder", str(RUN / "dinov2_tiny_pretrain.pth")]
    data = ["--dataset", str(RUN / "data" / "point_maze")]
    assert main(["convert", str(RUN / "outputs" / "tiny"), path, *encoder, *data, *FACTS]) == 0
    capsys.readouterr()
    return path


def test_without_a_compiler_the_sentence_names_it_and_the_setting(
    model: str, tmp_path: Path
) -> None:
    nothing, picture = str(tmp_path / "no-compiler"), tmp_path / "gray.png"
    assert cv2.imwrite(str(picture), np.full((64, 64, 3), 128, np.uint8))
    words = [
        *("plan", model, f"--image={picture}", f"--goal-image={picture}", "--proprio=1,1,0,0"),
        *("--goal-proprio=1,2,0,0", "model.compute=compiled", "model.device=cpu"),
        *("planning.num_samples=20", "planning.iterations=2"),
    ]
    cache = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "wm_planner.cli", *words],
        capture_output=True,
        text=True,
        env={**os.environ, **cache, "CXX": nothing, "CC": nothing},
    )
    assert done.returncode == 2
    assert "finds no C++ compiler" in done.stderr
    assert "model.compute to eager" in done.stderr
    assert "Traceback" not in done.stderr


def test_convert_and_plan_give_the_plan_that_upstream_made(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = np.load(RUN / "plan_trace.npz")
    words = []
    for ours, theirs in (("image", "obs_visual"), ("goal-image", "goal_visual")):
        cv2.imwrite(str(tmp_path / f"{ours}.png"), trace[theirs][0, 0][..., ::-1])
        words += [f"--{ours}", str(tmp_path / f"{ours}.png")]
    for ours, theirs in (("proprio", "obs_proprio"), ("goal-proprio", "goal_proprio")):
        words.append(f"--{ours}={','.join(str(number) for number in trace[theirs].ravel())}")
    settings = json.loads(str(trace["settings"]))
    words += [
        "planning.preset=dino_wm",
        f"planning.num_samples={settings['samples']}",
        f"planning.iterations={settings['steps']}",
        f"planning.num_elites={settings['topk']}",
        f"planning.horizon={settings['horizon']}",
    ]
    assert main(["plan", model, *words, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    np.testing.assert_allclose(plan["actions"], trace["env_actions"], atol=1e-5)
    np.testing.assert_allclose(plan["cost_history"], trace["losses"], atol=1e-5)
    assert plan["names"] == ["fx", "fy"]


def test_a_mask_says_which_part_of_the_goal_image_counts(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    names = [str(tmp_path / f"{name}.png") for name in ("now", "then", "mask", "small", "color")]
    now, then = rng.integers(0, 256, (2, 64, 64, 3), np.uint8)
    then[:, 32:] = now[:, 32:]  # only the left half differs
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 40:] = 255
    for name, pixels in zip(names, (now, then, mask, mask[:32], then), strict=True):
        assert cv2.imwrite(name, pixels)
    words = ["plan", model, "--image", names[0], "--goal-image", names[1], "--proprio=1,1,0,0"]
    words += ["model.device=cpu", "planning.num_samples=8", "planning.iterations=1", "--json"]
    distances = []
    for more in (["--goal-proprio=1,1,0,0"], ["--goal-mask", names[2]]):
        assert main([*words, *more]) == 0
        distances.append(json.loads(capsys.readouterr().out)["distance"])
    assert distances[1] < 0.5 * distances[0]
    for name, sentence in (
        (names[3], "has 64x32 pixels for view image, but the goal image 64x64"),
        (names[4], "has colors"),
    ):
        assert main([*words, "--goal-mask", name]) == 2
        error = capsys.readouterr().err
        assert name in error
        assert sentence in error
