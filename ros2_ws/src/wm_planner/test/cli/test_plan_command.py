"""``wm-planner plan``: what it prints, and its errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from deaf_model import deaf_model

from wm_planner.cli import main, plan_command
from wm_planner.config import Config
from wm_planner.models import load_spec
from wm_planner.models.spec import ActionSpec
from wm_planner.worker.engine import Engine
from wm_planner.worker.messages import UNINFORMATIVE, Planned, PlanOnce

MODEL = Path(__file__).parents[3] / "wm_planner_sim" / "models" / "franka_reach"
SMALL = ["planning.preset=dino_wm", "planning.num_samples=16", "planning.iterations=2",
         "planning.num_elites=4", "worker.threads=1"]  # fmt: skip


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    names = [str(tmp_path / "now.png"), str(tmp_path / "then.png")]
    for seed, name in enumerate(names):
        noise = np.random.default_rng(seed).integers(0, 255, (96, 128, 3), np.uint8)
        cv2.imwrite(name, noise)
    return ["--image", names[0], "--goal-image", names[1]]


def test_a_plan_is_printed_as_environment_steps_in_units(
    images: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(MODEL), *images, *SMALL, "planning.horizon=3"]) == 0
    text = capsys.readouterr().out
    assert "dx [m]" in text
    assert "a goal counts as reached at 0.03" in " ".join(text.split())
    assert re.findall(r"(?m)^ +(\d+) +(\d\.\d\d) ", text) == [
        ("0", "0.00"), ("1", "0.20"), ("2", "0.40"),
    ]  # fmt: skip


def test_a_plan_with_many_numbers_is_printed_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = [f"joint_{i}" for i in range(1, 8)]
    spec = load_spec(MODEL)
    spec.action = ActionSpec(names, ["rad"] * 7, "base")
    actions = np.arange(14.0).reshape(2, 7)
    plan = Planned(0, 0.0, actions, 0.5, [1.0], "iterations", learned=True, plan_time=0.1)
    lines = plan_command.table_of(plan, spec)
    assert max(map(len, lines)) <= 80
    heads = [line for line in lines if line.startswith("step")]
    assert re.findall(r"joint_\d \[rad\]", " ".join(heads)) == [f"{name} [rad]" for name in names]
    rows = [line.split() for line in lines if line.strip() and line not in heads]
    assert len(rows) == 2 * len(heads) == 4
    first = [float(number) for row in rows[::2] for number in row[2:]]
    assert first == actions[0].tolist()


def test_plans_are_equal_only_for_the_same_seed(
    images: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    plans = []
    for seed in (0, 0, 1):
        words = [*images, *SMALL, f"planning.seed={seed}", "--json"]
        assert main(["plan", str(MODEL), *words]) == 0
        plans.append(json.loads(capsys.readouterr().out))
    assert plans[0]["actions"] == plans[1]["actions"] != plans[2]["actions"]
    assert np.shape(plans[0]["actions"]) == (5, 3)
    assert len(plans[0]["cost_history"]) == 2
    assert plans[0]["units"] == ["m", "m", "m"]


def test_a_plan_that_learned_nothing_is_printed_with_what_to_do(
    images: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model, learned in ((MODEL, True), (deaf_model(tmp_path / "deaf"), False)):
        for quiet in ([], ["--quiet"]):
            assert main(["plan", str(model), *images, *SMALL, *quiet]) == 0
            text = capsys.readouterr().out
            assert ("Warning: nothing distinguishes the candidates" in text) != learned
        assert main(["plan", str(model), *images, *SMALL, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["learned"] == learned
        assert found["warnings"] == ([] if learned else [UNINFORMATIVE])


def test_warnings_of_the_engine_are_printed_whatever_the_options(
    images: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Engine.__init__

    def warn(engine: Engine, config: Config) -> None:
        made(engine, config)
        engine.warnings.append("the model is old")

    monkeypatch.setattr(Engine, "__init__", warn)
    for option in ("--quiet", "--json"):
        assert main(["plan", str(MODEL), *images, *SMALL, option]) == 0
        printed = capsys.readouterr().out
        if option == "--json":
            assert json.loads(printed)["warnings"] == ["the model is old"]
        else:
            assert "\nWarning: the model is old\n" in printed


def test_an_image_unlike_the_training_s_is_a_warning(
    images: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for shape, wrong in (((96, 128, 3), False), ((96, 96, 3), True)):
        cv2.imwrite(images[1], np.random.default_rng(0).integers(0, 255, shape, np.uint8))
        assert main(["plan", str(MODEL), *images, *SMALL, "--json"]) == 0
        warnings = json.loads(capsys.readouterr().out)["warnings"]
        assert [text.startswith(f"{images[1]}: ") for text in warnings] == [True] * wrong


@pytest.mark.parametrize("option", [[], ["--quiet"], ["--json"]])
def test_iterations_are_counted_only_if_that_is_shown(
    option: list[str], images: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU waits wherever the planner asks whether it was cancelled."""
    given: list[object] = []
    answer = Engine.answer

    def watched(engine: Engine, request: PlanOnce, *, cancel: Any) -> Any:
        given.append(cancel)
        return answer(engine, request, cancel=cancel)

    monkeypatch.setattr(Engine, "answer", watched)
    assert main(["plan", str(MODEL), *images, *SMALL, *option]) == 0
    assert [cancel is None for cancel in given] == [bool(option)]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["planning.preset=best"], "planning.preset is 'best'; choose online, full, dino_wm"),
        (["planning.preset=mppi", "planning.num_elites=4"], "the preset mppi has no such setting"),
        (["planning.horizon=0"], "planning.horizon is 0; the least is 1"),
        (["--image", "missing.png"], "missing.png cannot be read: No such file"),
        (["--image", str(MODEL / "model.yaml")], "model.yaml: "),
    ],
)
def test_an_error_is_one_sentence_with_exit_code_2(
    words: list[str], sentence: str, images: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(MODEL), *images, *words]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("wm-planner: ")
    assert sentence in output.err


def test_a_state_that_is_not_numbers_is_refused(
    images: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plan", str(MODEL), *images, "--proprio", "0.1,nan"])
    assert ended.value.code == 2
    assert "'0.1,nan' is not a list of finite numbers" in capsys.readouterr().err
