"""Every benchmark says what it measures, with an example, and refuses wrong arguments."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("wm_planner_sim.simulator.tasks")

BENCHMARKS = Path(__file__).parents[4] / "benchmarks"
MODULES = {"planner": "planner.run", "gpu/run": "gpu.run"}
"""Those that do not have the name of their file."""
PROGRAMS = sorted(
    file.relative_to(BENCHMARKS).with_suffix("").as_posix()
    for file in BENCHMARKS.rglob("*.py")
    if '\nif __name__ == "__main__":' in file.read_text() and file.name != "against.py"
)
WRONG = {
    "busy": ["--goals 0", "--loops -1"],
    "dino_wm": ["--budget 0 5", "--threads 0"],
    "faults": ["--minutes 0", "--factor nan", "--fault nothing"],
    "file_fuzz": ["--count 0", "--processes 0", "--seed -1"],
    "frames": ["--rounds 0"],
    "goal_masks": ["--goals 0", "--steps 0"],
    "gpu/run": ["--only nothing"],
    "images": ["--rounds 0", "--height -4", "--height 0", "--width 8", "--width 31"],
    "kinematics": ["--commands 0", "--commands 49"],
    "lewm": ["--threads 0"],
    "loop": ["--seconds 0", "--plan-time inf", "--viewers -1"],
    "planner": ["--seeds -1", "--only nothing", "--out /nowhere/results.md"],
    "random_plans": ["--plans 0", "--seed -1"],
    "splicing": ["--goals 0", "--latencies -0.1"],
    "wire_fuzz": ["--count 0", "--largest 0"],
    "workspace": ["--poses 0", "--tilt -1", "--min nan 0 0", "--min 1 1 1 --max 0 0 0 --poses 1"],
}
USELESS = {
    "dino_wm": ("--model /nowhere", "/nowhere"),
    "lewm": ("--model /nowhere", "/nowhere"),
    "workspace": ("--min 5 5 5 --max 6 6 6 --poses 1", "the arm reaches none of these poses"),
}
"""Arguments that are right, but lead to nothing, and what is said then."""
SCRIPT = """
import contextlib, importlib, io, json, sys
from wm_planner.help_texts import arguments_of, examples_of

def said(call):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = call()
        except SystemExit as end:
            code = end.code
    if isinstance(code, str):
        code, err = 1, io.StringIO(code)
    return code, out.getvalue(), err.getvalue()

def run(module, words):
    sys.argv = [module.__file__, *words]
    return said(module.main)

for name, wrong in json.load(sys.stdin):
    module = importlib.import_module(name)
    parser = module.make_parser()
    words = [arguments_of(example, parser.prog) for example in examples_of(parser)]
    taken = [said(lambda: bool(parser.parse_args(each))) for each in words]
    found = {"help": run(module, ["--help"]), "examples": taken}
    found["wrong"] = [run(module, each.split()) for each in wrong]
    print(json.dumps(found), file=sys.__stdout__)
"""
"""Asks the programs in one process, because each imports for seconds."""


@pytest.fixture(scope="module")
def answers() -> dict[str, dict]:
    """What each program says of ``--help``, of its examples, and of ``WRONG`` and ``USELESS``."""
    calls = []
    for name in PROGRAMS:
        useless = [USELESS[name][0]] if name in USELESS else []
        calls.append((MODULES.get(name, name), [*WRONG[name], *useless]))
    path = os.pathsep.join([str(BENCHMARKS), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "80"},
        input=json.dumps(calls),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(PROGRAMS, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_help_can_be_read_and_its_examples_work(name: str, answers: dict[str, dict]) -> None:
    code, text, said = answers[name]["help"]
    assert (code, said) == (0, "")
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert answers[name]["examples"]
    assert [each for each in answers[name]["examples"] if each != [True, "", ""]] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_wrong_arguments_end_in_a_sentence(name: str, answers: dict[str, dict]) -> None:
    for words, (code, out, said) in zip(WRONG[name], answers[name]["wrong"], strict=False):
        assert (code, out) == (2, ""), words
        assert "error: " in said.splitlines()[-1], words


@pytest.mark.parametrize("name", USELESS)
def test_arguments_that_lead_to_nothing_end_in_a_sentence(
    name: str, answers: dict[str, dict]
) -> None:
    code, _, said = answers[name]["wrong"][-1]
    assert code in (1, 2)
    assert said.startswith(f"{name}: ")
    assert USELESS[name][1] in said
    assert len(said.splitlines()) == 1


def test_a_program_without_wrong_arguments_is_noticed() -> None:
    assert sorted(WRONG) == PROGRAMS


def test_what_the_wire_fuzz_records_can_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    checks = importlib.import_module("faults_checks").Checks()
    recorder: Any = importlib.import_module("wire_fuzz_run").Recorder
    messages = importlib.import_module("geometry_msgs.msg")
    measured = [(0.0, np.array([0.5, 0.0, 0.3]))]
    record = SimpleNamespace(commands=[], widths=[], measured=measured, reflexes=0)
    for height in (0.3, 9.0):
        message = messages.PoseStamped()
        message.pose.position.x, message.pose.position.z = 0.5, height
        message.pose.orientation.x, message.pose.orientation.w = 1.0, 0.0
        recorder._on_command(record, message, {"source_timestamp": 10**9})
    checks.check_commands(record, "fuzz", None, None)
    assert len(checks.problems) == 2
    assert "outside the workspace" in checks.problems[0]
    assert "a command moves 8.700 m" in checks.problems[1]
