"""Commands: help without torch and rclpy, and an end in a sentence whatever is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wm_planner.cli import main
from wm_planner.cli.errors_as_findings import errors_as_findings
from wm_planner.cli.program import COMMANDS, make_parser
from wm_planner.cli.report import Report, Section
from wm_planner.cli.settings import uses
from wm_planner.config import Config, leaves
from wm_planner.explain import BUG
from wm_planner.reference.command_line_page import subparsers

SOURCE = Path(__file__).parents[2]

ALL_HELP = """
import contextlib, sys
from wm_planner.cli import main
from wm_planner.cli.program import COMMANDS
for words in [[], *([name] for name in COMMANDS)]:
    with contextlib.suppress(SystemExit):
        main([*words, "--help"])
sys.exit(len({"torch", "rclpy"} & set(sys.modules)))
"""


def test_help_of_every_command_needs_neither_torch_nor_rclpy() -> None:
    done = subprocess.run([sys.executable, "-c", ALL_HELP], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for name, (_, line) in COMMANDS.items():
        assert line in done.stdout
        assert f"usage: wm-planner {name} " in done.stdout


def _run(python: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-m", "wm_planner.cli", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
    )


def test_an_interpreter_without_packages_ends_in_a_sentence(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
    python = str(tmp_path / "bin" / "python")
    for command in COMMANDS:
        done = _run(python, command, "x")
        assert done.returncode == 2
        assert done.stderr.startswith(f"wm-planner: {python} lacks the Python package")
        assert "Traceback" not in done.stderr
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    node = [python, "-m", "wm_planner.planner_node"]
    done = subprocess.run(node, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith(f"planner_node: {python} ")
    assert "Traceback" not in done.stderr


MODEL = SOURCE.parent / "wm_planner_sim/models/franka_reach"
PLAN = ["plan", str(MODEL), "--image", "a", "--goal-image", "b"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["convert", "a", "b", "planning.bogus=1"],
            "convert takes no settings: leave planning.bog",
        ),
        (
            [*PLAN, "commands.rate=3"],
            "commands.rate has no effect on plan: leave it out; plan uses",
        ),
        ([*PLAN, "model.directory=x"], "model.directory has no effect on plan"),
        (["inspect", str(MODEL), "planning.seed=1"], "planning.seed has no effect on inspect"),
        (["doctor", "model.precision=tf32"], "model.precision has no effect on doctor"),
    ],
)
def test_a_setting_without_effect_is_refused(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"wm-planner: {sentence}")


def test_the_settings_that_commands_use_exist() -> None:
    names = [leaf.name for leaf in leaves(Config())]
    for command, _ in COMMANDS.values():
        for used in command.SETTINGS:
            assert any(uses([used], name) for name in names), used


def test_a_home_that_is_not_known_ends_in_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for words in (
        ["inspect", "~nobody!/x"],
        ["convert", "~nobody!/x", str(tmp_path / "out")],
        ["convert", str(SOURCE / "test/data/dino_wm/outputs/tiny"), "~nobody!/x"],
        ["plan", "~nobody!/x", "--image", "a", "--goal-image", "b"],
        ["doctor", "~nobody!/x"],
        ["doctor", "--image", "~nobody!/x"],
    ):
        assert main(words) == 2
        printed = capsys.readouterr()
        said = " ".join((printed.out + printed.err).split())
        assert "its home directory is not known" in said
        assert "a bug of" not in said


@pytest.mark.parametrize(
    ("words", "range_"),
    [
        (["inspect", "m", "--samples"], "1 to 1000000"),
        (["inspect", "m", "--iterations"], "1 to 100000"),
        (["inspect", "m", "--horizon"], "1 to 100"),
        (["doctor", "m", "--windows"], "1 to 1000"),
        (["doctor", "m", "--seconds"], "above 0"),
        (["doctor", "m", "--episode"], "0"),
    ],
)
def test_a_number_out_of_its_range_is_refused_with_the_range(
    words: list[str], range_: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command, _, option = words
    action = subparsers(make_parser())[command]._option_string_actions[option]
    assert range_ in (action.help or "")
    for value in ("-1", "abc", "nan", "9" * 20 if option != "--episode" else "0.5"):
        with pytest.raises(SystemExit, match="2"):
            main([*words[:-1], f"{option}={value}"])
        assert "invalid" not in capsys.readouterr().err


def test_a_bug_ends_in_a_sentence_with_an_exit_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(arguments: object) -> int:
        raise KeyError("forgotten")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(COMMANDS["plan"][0], "run", broken)
    assert main(["plan", "m", "--image", "a", "--goal-image", "b"]) == BUG
    said = capsys.readouterr().err
    (file,) = tmp_path.iterdir()
    assert said.startswith("wm-planner: a bug of wm-planner (KeyError: 'forgotten'); please report")
    assert str(file) in said
    assert "in broken" in file.read_text()


def test_a_check_with_a_bug_leaves_the_others_and_has_that_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    section = Section("a model")
    with errors_as_findings(section, "broken"):
        raise KeyError("forgotten")
    with errors_as_findings(section, "damaged"):
        raise OSError(2, "No such file or directory", "/nowhere")
    first, second = section.results
    assert "a bug of wm-planner (KeyError" in first.sentence
    assert second.sentence == "No such file or directory: /nowhere."
    assert Report([section]).exit_code == BUG
