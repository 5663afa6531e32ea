"""The Tab key: what the shell gets for a line, and how ``scripts/env.sh`` registers it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wm_planner.cli.completion import settings_for
from wm_planner.cli.program import COMMANDS
from wm_planner.config import PRESETS

REPOSITORY = Path(__file__).parents[5]
SCRIPT = REPOSITORY / "ros2_ws/src/wm_planner/bin/wm-planner"
SEPARATOR = "\013"
BREAKS = " \t\n\"'><=;|&(:"
"""Where bash breaks words (COMP_WORDBREAKS)."""


def completed(line: str, folder: Path, *, shell: str = "bash") -> list[str]:
    """What the program proposes for the end of a line, as argcomplete's shell code asks it."""
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": shell,
        "_ARGCOMPLETE_COMP_WORDBREAKS": BREAKS,
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(folder / "completions"),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    done = subprocess.run(
        [sys.executable, SCRIPT], env={**os.environ, **asked}, cwd=folder, capture_output=True
    )
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    found = (folder / "completions").read_text().split(SEPARATOR)
    return [word.strip() for word in found if word]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("wm-planner doc", ["doctor"]),
        ("wm-planner plan --goal-m", ["--goal-mask"]),
        ("wm-planner convert --color-order ", ["rgb", "bgr"]),
        ("wm-planner plan m planning.pre", ["planning.preset="]),
        ("wm-planner plan m planning.preset=", list(PRESETS)),
        ("wm-planner plan m planning.preset=d", ["dino_wm"]),
        ("wm-planner plan planning.seed=2 m --imag", ["--image"]),
        ("wm-planner inspect my_m", ["my_model/"]),
        ("wm-planner inspect m planning.se", []),
        ("wm-planner convert planning.pre", []),
        ("wm-planner nothing planning.pre", []),
        ("wm-planner planning.pre", []),
    ],
)
def test_a_line_is_completed(line: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "my_model").mkdir()
    assert completed(line, tmp_path) == expected


def test_all_commands_are_proposed(tmp_path: Path) -> None:
    assert {*COMMANDS, "--help", "--version"} <= set(completed("wm-planner ", tmp_path))


def test_zsh_gets_what_a_word_means(tmp_path: Path) -> None:
    (command,) = completed("wm-planner doc", tmp_path, shell="zsh")
    assert command == f"doctor:{COMMANDS['doctor'][1]}"
    (setting,) = completed("wm-planner plan m planning.pre", tmp_path, shell="zsh")
    name, _, meaning = setting.partition(":")
    assert name == "planning.preset="
    assert len(meaning) > 8
    assert "None" not in meaning


def test_settings_are_proposed_only_where_one_has_begun() -> None:
    used = ["planning.", "model.allow_unverified_statistics"]
    assert settings_for("", used) == {}
    assert settings_for("--pl", used) == {}
    assert "planning.horizon=" in settings_for("plan", used)
    assert settings_for("planning.horizon=", used) == {}
    allowed = settings_for("model.allow_unverified_statistics=", used)
    assert {word.rpartition("=")[2] for word in allowed} == {"true", "false"}


def test_completion_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from wm_planner.cli.program import make_parser\n"
        "from wm_planner.cli.completion import settings_for\n"
        "make_parser(); settings_for('planning.pre', ['planning.'])\n"
        "sys.exit(len({'torch', 'rclpy', 'rich'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def shell(*words: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k not in ("PS1", "ENV", "BASH_ENV")}
    return subprocess.run(
        ["bash", "--norc", *words], cwd=REPOSITORY, env=env, stdin=subprocess.DEVNULL,
        capture_output=True, text=True,
        start_new_session=True,  # an interactive one would take the terminal
    )  # fmt: skip


SOURCE = ". scripts/env.sh && echo sourced && { complete -p wm-planner || echo none; }"


def test_an_interactive_shell_completes() -> None:
    done = shell("-i", "-c", SOURCE)
    assert done.stdout.startswith("sourced\ncomplete ")
    assert "_python_argcomplete wm-planner" in done.stdout


def test_a_script_is_left_alone_also_if_any_error_ends_it() -> None:
    done = shell("-e", "-c", SOURCE)
    assert done.stdout == "sourced\nnone\n"


def test_without_argcomplete_sourcing_is_silent_and_goes_on() -> None:
    gone = "register-python-argcomplete() { echo missing >&2; return 127; };"
    done = shell("-i", "-e", "-c", f"{gone} {SOURCE}")
    assert done.stdout == "sourced\nnone\n"
    assert "missing" not in done.stderr
