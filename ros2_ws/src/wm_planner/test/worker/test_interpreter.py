"""The choice of the worker's interpreter, and the errors of one that cannot run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wm_planner.config import Config
from wm_planner.worker import PlannerLink, WorkerError
from wm_planner.worker.client import WORKER_PYTHON, worker_python


@pytest.fixture
def without_torch(tmp_path: Path) -> str:
    """An interpreter like this one, but without torch."""
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\")")
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="{tmp_path}:$PYTHONPATH" exec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)
    return str(python)


def _start(setting: str) -> None:
    config = Config()
    config.worker.python = setting
    link = PlannerLink(config, lambda: None)
    try:
        link.start()
    finally:
        link.close()


def test_the_setting_comes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/robot")
    assert worker_python("") == ""
    monkeypatch.setenv(WORKER_PYTHON, "/from/variable")
    assert worker_python("") == "/from/variable"
    assert worker_python("~/from/setting") == "/home/robot/from/setting"


def test_the_variable_s_interpreter_is_named_if_it_cannot_be_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(WORKER_PYTHON, "/nowhere/python")
    with pytest.raises(ValueError, match=rf"{WORKER_PYTHON} '/nowhere/python' .*make worker"):
        _start("")


def test_a_missing_torch_is_reported_with_the_interpreter(without_torch: str) -> None:
    with pytest.raises(WorkerError, match=rf"{sys.executable} cannot .*torch.*make worker"):
        _start(without_torch)


def test_an_interpreter_without_any_package_is_named(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
    with pytest.raises(WorkerError, match=rf"exit code 1.*{tmp_path}.*make worker"):
        _start(str(tmp_path / "bin" / "python"))


def test_a_tool_that_needs_torch_runs_on_the_worker_s_interpreter(tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text('#!/bin/sh\necho "$@"\n')
    other.chmod(0o755)
    here = "import importlib.util; importlib.util.find_spec = lambda name: None; "
    here += "from wm_planner.cli import program; program()"
    words = ["inspect", "model", f"worker.python={other}"]
    said = subprocess.check_output([sys.executable, "-c", here, *words], text=True)
    assert said.split() == ["-m", "wm_planner.cli", *words]


def test_a_tool_without_torch_anywhere_says_what_to_do() -> None:
    here = "import importlib.util; importlib.util.find_spec = lambda name: None; "
    here += "from wm_planner.cli import program; program()"
    done = subprocess.run(
        [sys.executable, "-c", here, "inspect", "model"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "make worker" in done.stderr
