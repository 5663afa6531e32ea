"""``wm-planner inspect``: what it prints, and its errors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from wm_planner.cli import main
from wm_planner.cli.inspect_command import duration
from wm_planner.planning import captured
from wm_planner.worker import fastest
from wm_planner.worker.fastest import Choice
from wm_planner.worker.trials import Way

MODEL = Path(__file__).parents[3] / "wm_planner_sim" / "models" / "franka_reach"
RUN = Path(__file__).parents[1] / "data" / "dino_wm"
DEVICE = ["model.device=cpu"]


def inspected(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["inspect", "--json", *words, *DEVICE]) == 0
    return json.loads(capsys.readouterr().out)


def test_text_names_family_sizes_statistics_and_cost(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(MODEL), "--samples", "8", "--iterations", "2", *DEVICE]) == 0
    text = capsys.readouterr().out
    spec = yaml.safe_load((MODEL / "model.yaml").read_text())
    assert text.startswith(f"model {spec['name']}\n")
    assert f"epoch {spec['training']['epoch']} of {spec['training']['epochs']}" in text
    assert spec["statistics"]["provenance"]["dataset_sha256"] in text
    assert "dx [m]: mean" in text
    assert "recorded; wm-planner doctor --dataset compares" in text
    assert "cannot be used" in text.partition("goal masks")[2].partition("\n")[0]
    assert "encoder: " in text
    assert "one plan, 8x2, horizon 5" in text
    assert " (estimate from a rollout of 8 candidates timed here)" in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0123, "0.0123 s"), (98.76, "98.8 s"), (1280.0, "21 min"), (9000.0, "2.5 h")],
)
def test_a_long_time_is_told_in_minutes_or_hours(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.usefixtures("captures")
def test_a_rollout_is_timed_in_the_way_that_was_chosen(
    device: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, capture = [], captured.capture
    monkeypatch.setattr(captured, "capture", lambda *a: (made.append(a), capture(*a))[1])
    words = ["inspect", "--json", str(MODEL), "--samples", "8", f"model.device={device}"]
    for way in (Way(), Way("float32", "graphs")):
        monkeypatch.setattr(fastest, "choose", lambda *_, way=way: Choice(way))
        assert main(words) == 0
        assert json.loads(capsys.readouterr().out)["plan"]["compute"] == way.compute
        assert bool(made) == way.captured


def test_flop_grow_with_samples_iterations_and_horizon(capsys: pytest.CaptureFixture[str]) -> None:
    def flop(samples: int, iterations: int, horizon: int) -> int:
        sizes = {"samples": samples, "iterations": iterations, "horizon": horizon}
        words = [word for name, value in sizes.items() for word in (f"--{name}", str(value))]
        return inspected(capsys, str(MODEL), *words)["plan"]["rollout_flop"]

    once = flop(4, 1, 2)
    assert once > 0
    assert flop(8, 3, 4) == 2 * 3 * 2 * once


def test_the_size_of_the_plan_is_that_of_the_settings_or_the_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def size(*words: str) -> tuple[int, int, int]:
        plan = inspected(capsys, str(MODEL), *words)["plan"]
        return plan["samples"], plan["iterations"], plan["horizon"]

    assert size() == (300, 30, 5)
    settings = ["planning.num_samples=4", "planning.iterations=3", "planning.horizon=2"]
    assert size(*settings) == (4, 3, 2)
    assert size(*settings, "--samples", "6") == (6, 3, 2)
    assert size("planning.preset=online", "--samples", "8") == (8, 5, 5)


@pytest.mark.parametrize("command", ["inspect", "doctor"])
def test_threads_are_those_of_the_settings(command: str) -> None:
    before = torch.get_num_threads()
    try:
        for count in (2, 1):
            assert main([command, str(MODEL), f"worker.threads={count}", *DEVICE]) in (0, 1)
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(before)


def test_modules_add_up_to_the_weight_file(capsys: pytest.CaptureFixture[str]) -> None:
    modules = inspected(capsys, str(MODEL), "--samples", "2", "--iterations", "1")["modules"]
    size = (MODEL / "weights.safetensors").stat().st_size
    assert set(modules) >= {"encoder", "predictor"}
    assert 0.9 * size < sum(part["bytes"] for part in modules.values()) <= size


def test_dino_wm_plan_is_counted_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(tmp_path / "model")
    words = [
        *("--encoder", str(RUN / "dinov2_tiny_pretrain.pth"), "--encoder-heads", "3"),
        *("--dataset", str(RUN / "data" / "point_maze"), "--control-rate", "10"),
        *("--color-order", "rgb", "--action-names", "fx", "fy", "--action-units", "N", "N"),
        *("--action-frame", "world", "--proprio-names", "x", "y", "vx", "vy"),
        *("--proprio-units", "m", "m", "m/s", "m/s"),
    ]
    assert main(["convert", str(RUN / "outputs" / "tiny"), model, *words]) == 0
    capsys.readouterr()
    exact = inspected(capsys, model)
    cheap = inspected(capsys, model, "model.approximation=rolling_cache", "--precision=bfloat16")
    assert exact["plan"]["samples"] == 300
    assert exact["token_grid"] == [14, 14]
    assert 0 < exact["plan"]["timed_candidates"] <= 300
    assert exact["plan"]["rollout_flop"] % (300 * 30) == 0
    assert cheap["plan"]["rollout_flop"] < exact["plan"]["rollout_flop"]
    assert set(exact["modules"]) == {
        "encoder", "predictor", "action_encoder", "proprio_encoder", "decoder",
    }  # fmt: skip


def test_changed_statistics_are_shown_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Path(shutil.copytree(MODEL, tmp_path / "model"))
    content = yaml.safe_load((model / "model.yaml").read_text())
    content["statistics"]["action"]["mean"][0] += 1.0
    (model / "model.yaml").write_text(yaml.safe_dump(content))
    found = inspected(capsys, str(model), "--samples", "2", "--iterations", "1")
    assert "changed after the export" in found["statistics_problem"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"calibration": {"typical_distance": 5000.0}}, "calibration.typical_distance is 5e+03"),
        ({"calibration": {"typical_distance": 30.0}}, "typical_distance cannot be true"),
        ({"calibration": {"typical_distance": 5.0}}, "typical_distance cannot be true"),
        ({"calibration": {"tolerance": 0.7}}, "calibration.tolerance cannot be true"),
        ({"calibration": {"latent": {"mean": [0] * 3, "std": [1e4] * 3}}}, "latent.std cannot be"),
        ({"name": "x\n[FATAL] forged \x1b[31mred"}, r"name is 'x\n[FATAL] forged \x1b[31mred'"),
        ({"source": {"x\ny": 1}}, r"a name in source is 'x\ny'"),
        ({"source": [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}, "levels deep"),
        ({"family": "none\u2028"}, "family is"),
    ],
)
def test_a_model_that_the_node_would_refuse_is_one_sentence_with_exit_code_2(
    changes: dict[str, Any], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Path(shutil.copytree(MODEL, tmp_path / "model"))
    content = yaml.safe_load((model / "model.yaml").read_text())
    for name, value in changes.items():
        merged = isinstance(value, dict) and isinstance(content[name], dict)
        content[name] = content[name] | value if merged else value
    (model / "model.yaml").write_text(yaml.safe_dump(content))
    assert main(["inspect", str(model), "--samples", "2", "--iterations", "1", *DEVICE]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err
    assert captured.err.rstrip("\n").isprintable()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["missing"], "missing/model.yaml cannot be read"),
        ([str(MODEL), "--precision", "float16"], "family 'latent' cannot take model.precision"),
        ([str(MODEL), "planning.preset=cem_gd"], "choose online, full, dino_wm, mppi"),
        ([str(MODEL), "--samples", "8", "planning.preset=dino_wm"], "num_elites is 30, more than"),
        ([str(MODEL), "model.approximation=some"], "model.approximation is 'some'; choose none"),
    ],
)
def test_an_error_is_one_sentence_with_exit_code_2(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", *words, *DEVICE]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("wm-planner: ")
    assert sentence in output.err
