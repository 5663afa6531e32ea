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
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch
from program_runs import WAIT, running, wait_until

from wm_planner_sim.demo import program as demo
from wm_planner_sim.evaluation import program as evaluation
from wm_planner_sim.simulator import seeds
from wm_planner_sim.training import collect, lewm, make_model, tolerance


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
        (collect, ["{}"], "{} is not a file: name another one"),
        (make_model, ["--output={}/file/model"], ": {}/file/model"),
        (make_model, ["--output=/proc/model"], "No such file or directory: /proc/model"),
        (make_model, ["--output={}/model", "--data={}/file"], "{}/file was not written by collect"),
        (lewm, ["{}/file"], "File exists: {}/file"),
        (lewm, ["{}/model", "--data={}/nowhere.npz"], "{}/nowhere.npz"),
        (evaluation, ["--output={}/file"], "Not a directory: {}/file"),
        (evaluation, ["--output={}/a/b", "--model={}/nowhere"], "{}/nowhere"),
        pytest.param(
            evaluation,
            ["--output={}/a/b", "--preset=nope", "--goals=1", "--policies", "planner"],
            "there is no preset 'nope'",
            marks=pytest.mark.sim,
        ),
        (demo, ["--output={}/file"], "Not a directory: {}/file"),
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
    assert [path.name for path in tmp_path.rglob("*")] == ["file"]


ABOVE_0 = "is not a whole number of at least 1"
UP_TO = "is not a whole number from"


@pytest.mark.parametrize(
    ("module", "words", "said"),
    [
        (tolerance, ["model", "--scenes=0"], UP_TO),
        (tolerance, ["model", "--away=-1"], "'-1' is not from 0.001 to 0.1"),
        (tolerance, ["model", "--away=1"], "'1' is not from 0.001 to 0.1"),
        (tolerance, ["model", "--away=nan"], "'nan' is not a finite number"),
        (collect, ["x.npz", "--processes=0"], UP_TO),
        (collect, ["x.npz", "--size=-1"], UP_TO),
        (collect, ["x.npz", "--seed=10"], f"'10' {UP_TO} 0 to 9"),
        (collect, ["x.npz", "--episodes=10001"], UP_TO),
        (make_model, ["--goals=0"], UP_TO),
        (make_model, ["--processes=-2"], UP_TO),
        (make_model, ["--seed=-1"], f"'-1' {UP_TO} 0 to 9"),
        (make_model, ["--episodes=4001"], UP_TO),
        (lewm, ["model", "--steps=0"], ABOVE_0),
        (lewm, ["model", "--seed=10", "--data=x.npz"], f"'10' {UP_TO} 0 to 9"),
        (lewm, ["model", "--episodes=10001"], UP_TO),
        (lewm, ["model", "--threads=1000000000000"], UP_TO),
        (evaluation, ["--goals=two"], UP_TO),
        (evaluation, ["--batch=0"], ABOVE_0),
        (evaluation, ["--horizon=101"], f"'101' {UP_TO} 0 to 100"),
        (evaluation, ["--first=100000"], UP_TO),
        (demo, ["--goals=0"], UP_TO),
    ],
)
def test_an_impossible_number_is_refused(
    module: Any, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        module.main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


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


EXECUTABLES = [
    entry
    for entry in metadata.entry_points(group="console_scripts")
    if entry.value.startswith("wm_planner_sim.")
]
SLOW = ("program", "collect", "make_model", "node")
"""Modules with a ``main``, which import much."""


@pytest.mark.parametrize(
    "start",
    [
        *(pytest.param(lambda entry=entry: entry.load()(), id=entry.name) for entry in EXECUTABLES),
        *(
            pytest.param(lambda name=name: runpy.run_module(name, run_name="__main__"), id=name)
            for name in ("wm_planner_sim.demo", "wm_planner_sim.evaluation")
        ),
    ],
)
def test_ctrl_c_during_the_imports_is_silent(
    start: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Interrupted(importlib.abc.MetaPathFinder):
        def find_spec(self, fullname: str, *_: Any) -> None:
            if slow(fullname):
                raise KeyboardInterrupt

    for name in filter(slow, list(sys.modules)):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        start()
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")


def slow(module: str) -> bool:
    return module.startswith("wm_planner_sim.") and module.rpartition(".")[2] in SLOW


def test_the_executables_are_known() -> None:
    names = {entry.name for entry in EXECUTABLES}
    assert names == {"demo", "evaluate", "collect", "train", "sim_node"}


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
