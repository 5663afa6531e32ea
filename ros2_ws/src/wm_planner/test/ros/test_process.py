"""The programs answer --help, and refuse wrong arguments with a sentence and exit code 2."""

from __future__ import annotations

import subprocess
import sys

import pytest


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wm_planner.node", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_starts_no_node() -> None:
    found = _run("--help")
    assert found.returncode == 0
    assert "--ros-args -p NAME:=VALUE" in found.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--speed", "3"], "unrecognized arguments: --speed 3"),
        (["--ros-args", "-r", "image:=a b"], "Couldn't parse remap rule: '-r image:=a b'"),
        (["--ros-args", "-r", "__ns:=/1bad"], "1bad"),
        (["--ros-args", "--params-file", "/nowhere.yaml"], "/nowhere.yaml"),
        (["--ros-args", "-p", "limits.max_sped:=1"], "did you mean limits.max_speed?"),
        (["--ros-args", "-p", "config_file:=frank"], "no file 'frank' in"),
        (["--ros-args", "-p", "config_file:=frank"], "There are franka, planner."),
        (["--ros-args", "-p", "planning.horizon:=5.5"], "planning.horizon"),
        (["--ros-args", "-p", "overrides:=[1, 2]"], "parameter overrides: "),
        (["--ros-args", "-p", "overrides:=planning.horizn=8"], "did you mean planning.horizon?"),
        (["--ros-args", "-p", "config_file:=5"], "parameter config_file: "),
        (["--ros-args", "-p", "config_directory:=/nowhere"], "/nowhere is no directory"),
        (["--ros-args", "-p", "use_sim_time:=maybe"], "use_sim_time"),
        (["--ros-args", "-p", "autostart:=maybe"], "autostart"),
    ],
)
def test_a_wrong_argument_is_one_sentence(words: list[str], said: str) -> None:
    found = _run(*words)
    assert found.returncode == 2, found.stderr
    assert said in found.stderr
    assert "Traceback" not in found.stderr
