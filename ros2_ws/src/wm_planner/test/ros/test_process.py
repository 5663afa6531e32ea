"""The programs answer --help, and refuse wrong arguments with a sentence and exit code 2."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from wm_planner.config import Config, leaves

SETTINGS = list(leaves(Config()))


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wm_planner.node", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_starts_no_node() -> None:
    found = _run("--help")
    assert found.returncode == 0
    assert "--ros-args -p NAME:=VALUE" in " ".join(found.stdout.split())


@pytest.mark.parametrize(
    ("module", "command", "names"),
    [
        ("wm_planner.node", "ros2 run wm_planner planner_node", [leaf.name for leaf in SETTINGS]),
        ("wm_planner.cockpit.program", "ros2 run wm_planner cockpit", ["open_browser"]),
    ],
)
def test_help_ends_with_an_example(module: str, command: str, names: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True
    )
    title, example = done.stdout.splitlines()[-2:]
    assert title == "Examples:"
    given = re.fullmatch(rf"  {command} --ros-args -p ([\w.]+):=\w+", example)
    assert given
    assert given[1] in names


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
