"""The programs of the simulator end in a sentence for wrong input, and silently at Ctrl+C."""

from __future__ import annotations

import importlib.abc
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from wm_planner_sim.demo import program as demo
from wm_planner_sim.evaluation import program as evaluation
from wm_planner_sim.simulator import seeds
from wm_planner_sim.training import collect, lewm, make_model, tolerance

WAIT = 60.0  # [s] that only a broken program needs


@pytest.fixture(autouse=True)
def torch_settings() -> Iterator[None]:
    """Settings of torch that a training makes end with the test."""
    before = torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("module", "words", "said"),
    [
        (tolerance, ["{}/nowhere"], "{}/nowhere"),
        (collect, ["{}/nowhere/x.npz"], "No such file or directory: {}/nowhere/x.npz"),
        (collect, ["{}/x.npz", "--seed=10"], "seed must lie between 0 and 9, not 10"),
        (make_model, ["--output={}/file/model"], ": {}/file/model"),
        (make_model, ["--output=/proc/model"], "No such file or directory: /proc/model"),
        (make_model, ["--output={}/model", "--data={}/file"], "{}/file was not written by collect"),
        (lewm, ["{}/file"], "File exists: {}/file"),
        (lewm, ["{}/model", "--data={}/nowhere.npz"], "{}/nowhere.npz"),
        (evaluation, ["--output={}/file"], "Not a directory: {}/file"),
        (demo, ["--output={}/file"], "File exists: {}/file"),
        (demo, ["--play", "--task=reach", "--goal-folder={}/file"], "File exists: {}/file"),
    ],
)
def test_wrong_input_is_one_sentence_with_exit_code_2(
    module: Any,
    words: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ended:
        module.main([word.format(tmp_path) for word in words])
    printed = capsys.readouterr()
    assert ended.value.code == 2, printed.err
    assert said.format(tmp_path) in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (tolerance, ["model", "--scenes=0"]),
        (collect, ["x.npz", "--processes=0"]),
        (collect, ["x.npz", "--size=-1"]),
        (make_model, ["--goals=0"]),
        (make_model, ["--processes=-2"]),
        (lewm, ["model", "--steps=0"]),
        (evaluation, ["--goals=two"]),
    ],
)
def test_an_impossible_number_is_refused(
    module: Any, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        module.main(words)
    assert ended.value.code == 2
    assert "is not a whole number of at least" in capsys.readouterr().err


@pytest.mark.sim
def test_an_error_in_the_program_s_own_file_has_its_sentence(tmp_path: Path) -> None:
    """With ``python -m`` its module is ``__main__``."""
    few = collect.collect("reach", seeds.training_block(0)[:1], 72, 2, processes=1)
    few.save(tmp_path / "few.npz")
    words = [f"--output={tmp_path / 'model'}", f"--data={tmp_path / 'few.npz'}", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "wm_planner_sim.training.make_model", *words],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"train: {tmp_path / 'few.npz'} holds actions (1, 2, 3)")


def test_ctrl_c_during_the_imports_of_the_demo_is_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted(importlib.abc.MetaPathFinder):
        def find_spec(self, fullname: str, *_: Any) -> None:
            if fullname == demo.__name__:
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, demo.__name__)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("wm_planner_sim.demo", run_name="__main__")
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.sim
def test_a_collection_ends_at_ctrl_c_without_a_traceback(tmp_path: Path) -> None:
    words = [str(tmp_path / "x.npz"), "--size=0", "--episodes=3000", "--processes=2"]
    with running("wm_planner_sim.training.collect", words, tmp_path / "printed") as program:
        wait_until(lambda: list(tmp_path.rglob("reach-*.npz")))
        os.killpg(program.pid, signal.SIGINT)
        assert program.wait(WAIT) == 130
    assert "Traceback" not in (tmp_path / "printed").read_text()


@pytest.mark.dds
def test_the_demo_ends_at_ctrl_c_without_a_traceback(tmp_path: Path) -> None:
    words = ["--headless", "--task=reach", f"--output={tmp_path}"]
    printed = tmp_path / "printed"
    with running("wm_planner_sim.demo", words, printed) as program:
        wait_until(lambda: "starting the simulator and the planner" in printed.read_text())
        time.sleep(1.0)  # so that it most likely waits for them
        os.killpg(program.pid, signal.SIGINT)
        assert program.wait(WAIT) == 130
    assert "Traceback" not in printed.read_text()


@pytest.mark.dds
def test_the_demo_ends_at_a_signal_that_ros_handles(tmp_path: Path) -> None:
    code = f"""
import rclpy
from wm_planner_sim.client.client import Client
from wm_planner_sim.demo.program import main

def wait(client):
    rclpy.try_shutdown()  # as its handlers of SIGINT and SIGTERM do
    client.spin_for(1.0)

Client.wait_active = wait
main(["--attach", "--task=reach", "--headless", "--output={tmp_path}"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@contextmanager
def running(module: str, words: list[str], printed: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a process group of its own, as a shell does; all it prints is in a file."""
    with printed.open("wb") as file:
        command = [sys.executable, "-m", module, *words]
        program = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
    try:
        yield program
    finally:
        program.kill()
        program.wait()


def wait_until(done: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)
