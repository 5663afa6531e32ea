"""The choice of the worker's interpreter, and the errors of one that cannot run it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from wm_planner.config import Config
from wm_planner.worker import PlannerLink, WorkerError, client
from wm_planner.worker.interpreter import WORKER_PYTHON, named_by, python_problem, worker_python


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


def test_what_names_the_interpreter_is_the_setting_the_variable_or_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(WORKER_PYTHON, raising=False)
    assert named_by("") == "the interpreter"
    monkeypatch.setenv(WORKER_PYTHON, "/from/variable")
    assert (named_by(""), named_by("python")) == (WORKER_PYTHON, "worker.python")


def test_a_worker_that_is_closed_while_its_interpreter_is_asked_gives_no_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, time_limit: float
) -> None:
    config = Config()
    config.worker.python = _script(tmp_path / "python", "exit 3")
    asking: queue.SimpleQueue[threading.Thread] = queue.SimpleQueue()
    closed = threading.Event()

    def ask(python: str) -> str:
        asking.put(threading.current_thread())
        closed.wait(time_limit)
        return python_problem(python)

    monkeypatch.setattr(client, "python_problem", ask)
    answers: list[Any] = []
    worker = client.ProcessWorker(config, answers.append)
    thread = asking.get(timeout=time_limit)
    worker.close()
    closed.set()
    thread.join(time_limit)
    assert answers == []


def test_the_variable_s_interpreter_is_named_if_it_cannot_be_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(WORKER_PYTHON, "/nowhere/python")
    with pytest.raises(ValueError, match=rf"{WORKER_PYTHON} '/nowhere/python' .*make worker"):
        _start("")


def test_a_missing_torch_is_reported_with_the_interpreter(without_torch: str) -> None:
    with pytest.raises(WorkerError, match=rf"{sys.executable} cannot .*torch.*make worker"):
        _start(without_torch)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter without any package."""
    place = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    return str(place / "bin" / "python")


def _script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_an_interpreter_without_packages_is_named_with_all_that_it_lacks(bare: str) -> None:
    with pytest.raises(
        WorkerError,
        match=rf"^{bare} lacks the Python packages PyYAML.*hydra-core.*torch: `{bare} -m",
    ):
        _start(bare)


def test_a_package_that_cannot_be_loaded_is_told_from_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").write_text("from _operator import nothing\n")
    python = _script(
        tmp_path / "python", f'PYTHONPATH="{tmp_path}:$PYTHONPATH" exec "{sys.executable}" "$@"'
    )
    with pytest.raises(WorkerError, match=r"cannot load _operator \(.*nothing.*install it again"):
        _start(python)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("exit 0", r"it is no Python, or a broken one \(exit code 0\)"),
        ("echo 'python: command not found' >&2; exit 127", r"it is no Python.*exit code 127"),
        ('echo "version=3.8"; exit 1', "it is Python 3.8, but the planner needs 3.10"),
    ],
)
def test_an_interpreter_that_is_none_or_too_old_is_named(
    tmp_path: Path, text: str, words: str
) -> None:
    python = _script(tmp_path / "python", text)
    with pytest.raises(WorkerError, match=rf"worker.python '{python}' cannot be used: {words}"):
        _start(python)


def test_what_an_interpreter_prints_at_its_start_is_no_answer(tmp_path: Path) -> None:
    python = _script(tmp_path / "python", f'echo welcome; exec "{sys.executable}" "$@"')
    assert python_problem(python) == ""


def _without_torch(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs the program in this interpreter, which does not find torch."""
    here = "import importlib.util; importlib.util.find_spec = lambda name: None; "
    here += "from wm_planner.cli import program; program()"
    return subprocess.run([sys.executable, "-c", here, *words], capture_output=True, text=True)


def test_a_tool_that_needs_torch_runs_on_the_worker_s_interpreter(tmp_path: Path) -> None:
    text = f'case "$*" in *wm_planner.cli*) echo "$@";; *) exec "{sys.executable}" "$@";; esac'
    words = ["inspect", "model", f"worker.python={_script(tmp_path / 'python', text)}"]
    assert _without_torch(*words).stdout.split() == ["-m", "wm_planner.cli", *words]


def test_a_tool_without_torch_anywhere_says_what_to_do() -> None:
    done = _without_torch("inspect", "model")
    assert done.returncode == 2
    assert "make worker" in done.stderr


def test_a_tool_s_other_interpreter_that_cannot_run_it_is_named(tmp_path: Path, bare: str) -> None:
    none = _script(tmp_path / "python", "exit 3")
    for python, words in ((none, "it is no Python"), (bare, f"{bare} lacks the Python package")):
        done = _without_torch("inspect", "model", f"worker.python={python}")
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_the_check_of_an_interpreter_without_packages_ends_in_a_sentence(bare: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wm_planner.worker.check"],
        capture_output=True,
        text=True,
        env={**os.environ, WORKER_PYTHON: bare},
    )
    assert done.returncode == 2
    assert f"{bare} lacks the Python package" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_check_as_json_is_one_document(bare: str) -> None:
    for other, code in (("", 0), (bare, 2), ("/nowhere/python", 1)):
        done = subprocess.run(
            [sys.executable, "-m", "wm_planner.worker.check", "--json"],
            capture_output=True,
            text=True,
            env={**os.environ, WORKER_PYTHON: other},
        )
        found = json.loads(done.stdout)
        assert done.returncode == found["exit_code"] == code
        assert found["node"]["Python"]["place"] == sys.executable
        assert ("worker" in found) == (code == 0)
        assert (f"{bare} lacks the Python package" in done.stderr) == (code == 2)


@pytest.mark.parametrize(
    "words", [["wm_planner.worker.check"], ["wm_planner.worker_process", "--check", ""]]
)
def test_the_check_ends_without_a_word_if_nobody_reads_it(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as left:
        done = subprocess.run(
            [sys.executable, "-m", *words], stdout=left, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (0, "")
