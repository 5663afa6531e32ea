"""``wm-planner convert`` as people and scripts call it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from wm_planner.cli import main
from wm_planner.models import load_spec

DATA = Path(__file__).parents[1] / "data" / "dino_wm"
RUN = DATA / "outputs/tiny"
ENCODER = ["--encoder", str(DATA / "dinov2_tiny_pretrain.pth"), "--encoder-heads", "3"]
MAZE = ["--dataset", str(DATA / "data/point_maze")]
ACTION = ["--action-names", "fx", "fy", "--action-units", "N", "N", "--action-frame", "maze"]
PROPRIO = ["--proprio-names", "x", "y", "vx", "vy", "--proprio-units", "m", "m", "m/s", "m/s"]
OTHERS = ["--control-rate", "10", "--color-order", "rgb"]
ALL = [*ENCODER, *MAZE, *ACTION, *PROPRIO, *OTHERS]


def test_a_process_converts_and_prints_the_next_command(tmp_path: Path) -> None:
    output = tmp_path / "model"
    words = ["convert", str(RUN), str(output), *ALL]
    done = subprocess.run(
        [sys.executable, "-m", "wm_planner.cli", *words], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert all(line.endswith(" …") for line in done.stderr.splitlines())  # on a busy machine
    last = done.stdout.splitlines()[-1]
    assert last == f"{output} is written; next: wm-planner doctor {output} {' '.join(MAZE)}"
    assert load_spec(output).source["command"] == f"wm-planner {' '.join(words)}"


def test_every_fact_can_be_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "model"
    optional = ["--name", "maze", "--action-lower", "-10", "-20", "--action-upper", "10", "20",
                "--objective", "all", "--alpha", "0.5", "--checkpoint", "latest"]  # fmt: skip
    assert main(["convert", str(RUN), str(output), *ALL, *optional, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["directory"], printed["exit_code"]) == (str(output), 0)
    spec = load_spec(output)
    assert printed["spec"]["name"] == spec.name == "maze"
    assert (spec.action.lower, spec.action.upper) == ([-10.0, -20.0], [10.0, 20.0])
    assert (spec.objective.mode, spec.objective.alpha) == ("all", 0.5)


def test_a_command_mapping_can_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["convert", str(RUN), str(tmp_path / "model"), *ALL, "--command-mode", "relative"]
    assert main([*words, "--command-position", "fx", "fy", "fz"]) == 2
    assert "names ['fz'], which action.names lacks" in capsys.readouterr().err
    assert main(words) == 2
    assert "action.command.position" in capsys.readouterr().err


def test_a_command_can_be_velocities_of_joints(tmp_path: Path) -> None:
    output = tmp_path / "model"
    words = [*ALL, "--command-mode", "velocity", "--command-position", "fy", "fx",
             "--command-joints", "j1", "j2", "--action-units", "rad/s", "rad/s"]  # fmt: skip
    assert main(["convert", str(RUN), str(output), *words]) == 0
    command = load_spec(output).action.command
    assert command is not None
    assert (command.mode, command.position) == ("velocity", ["fy", "fx"])
    assert command.joints == ["j1", "j2"]


def test_an_output_that_cannot_be_made_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(RUN), "/proc/x", *ALL, "--quiet"]) == 2
    assert capsys.readouterr().err == "wm-planner: No such file or directory: /proc/x\n"


def test_a_default_leaves_the_file_of_facts_alone(tmp_path: Path) -> None:
    meta, output = tmp_path / "facts.yaml", tmp_path / "model"
    meta.write_text("objective: {mode: all, alpha: 0.5}\n")
    assert main(["convert", str(RUN), str(output), *ALL, "--meta", str(meta)]) == 0
    objective = load_spec(output).objective
    assert (objective.mode, objective.alpha) == ("all", 0.5)


def test_a_rate_of_zero_is_wrong_not_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*ALL, "--control-rate", "0"]
    assert main(["convert", str(RUN), str(tmp_path / "model"), *words]) == 2
    assert "control_rate is 0.0; it must be" in capsys.readouterr().err


def test_missing_facts_are_listed_as_a_file_to_fill_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(RUN), str(tmp_path / "model")]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "--encoder FILE" in printed.err
    assert "\ncontrol_rate:  " in printed.err
    assert not list(tmp_path.iterdir())


def test_a_warning_gives_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A decoder of another kind cannot draw imagined images."""
    run = tmp_path / "run"
    shutil.copytree(RUN, run)
    checkpoint = run / "checkpoints/model_latest.pth"
    with (
        zipfile.ZipFile(RUN / "checkpoints/model_latest.pth") as genuine,
        zipfile.ZipFile(checkpoint, "w") as other,
    ):
        for entry in genuine.infolist():
            content = genuine.read(entry)
            other.writestr(entry.filename, content.replace(b"vqvae\nVQVAE\n", b"other\nOther\n"))
    words = ["convert", str(run), str(tmp_path / "model"), *ALL]
    said = "There are no imagined images: its decoder is models.other.Other"
    assert main(words) == 1
    full = capsys.readouterr().out
    assert f"Warning: {said}" in full
    assert main([*words, "--force", "--quiet"]) == 1
    quiet = capsys.readouterr().out
    assert quiet.splitlines() == [line.partition("; next: ")[0] for line in full.splitlines()]
    assert main([*words, "--force", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == 1
    assert found["warnings"][0].startswith(said)


@pytest.mark.parametrize(
    "words",
    [
        ["nowhere", "model"],
        [str(RUN), "model", *ALL, "--checkpoint", "9"],
        [str(RUN), "model", *ALL, "--meta", "nowhere.yaml"],
        [str(RUN), "model", *ALL, "--objective", "best"],
        [str(RUN), "model", *ALL[2:], "--encoder", str(RUN / "hydra.yaml")],
        [str(RUN), str(DATA), *ALL],
    ],
)
def test_a_refusal_is_one_sentence_with_exit_code_2(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["convert", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("wm-planner: ")
    assert printed.err.count("\n") == 1
    assert not list(tmp_path.iterdir())
