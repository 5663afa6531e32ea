"""The worker gives the same answers in a process, in a thread and inline, and survives faults."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from wm_planner.config import Config
from wm_planner.types import Goal, Observation
from wm_planner.worker import Failed, Planned, PlanOnce, WorkerError

MakeConfig = Callable[..., Config]
Drive = Callable[[Config], Any]
GRAY = Observation((np.full((12, 16, 3), 100, np.uint8),))


@pytest.fixture(params=["process", "thread", "inline"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _in(mode: str, config: Config) -> Config:
    config.worker.mode = mode
    return config


def test_every_mode_gives_the_same_plans(toy_config: MakeConfig, drive: Drive) -> None:
    plans = []
    for mode in ("process", "thread", "inline"):
        driver = drive(_in(mode, toy_config()))
        assert re.search("model toy.*, a plan takes about ", driver.link.ready.description)
        for _ in range(2):
            plan = driver.plan(GRAY)
            assert isinstance(plan, Planned)
            plans.append(plan.actions)
    for plan in plans[2:4], plans[4:]:
        np.testing.assert_array_equal(plan, plans[:2])


def test_plan_once_waits_for_the_current_plan(
    mode: str, toy_config: MakeConfig, drive: Drive
) -> None:
    driver = drive(_in(mode, toy_config()))
    for number in (-2, -3):
        driver.link.plan_once(PlanOnce(number, GRAY, Goal(GRAY)))
    assert driver.answer().goal_id == -2
    driver.link.serve_waiting()
    assert driver.answer().goal_id == -3


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("raise", "the model's own fault"),
        ("memory", "out of memory"),
        ("torch_memory", "memory"),
    ],
)
def test_a_fault_in_a_plan_is_answered_and_the_worker_lives(
    mode: str, toy_config: MakeConfig, drive: Drive, fault: str, words: str
) -> None:
    driver = drive(_in(mode, toy_config(fault=fault)))
    for _ in range(2):
        answer = driver.plan(GRAY)
        assert isinstance(answer, Failed)
        assert (answer.goal_id, answer.lost) == (1, False)
        assert words in answer.message
    assert driver.link.ready is not None


def test_an_observation_that_the_model_cannot_take_is_a_sentence(
    mode: str, toy_config: MakeConfig, drive: Drive
) -> None:
    driver = drive(_in(mode, toy_config()))
    answer = driver.plan(Observation(GRAY.images * 2))
    assert answer == Failed(1, "the model needs one image per view (image); the observation has 2")


def test_a_model_that_cannot_be_loaded_is_explained(
    mode: str, tmp_path: Path, drive: Drive
) -> None:
    config = _in(mode, Config())
    config.model.directory = str(tmp_path)
    with pytest.raises(WorkerError, match=r"give the directory that holds model\.yaml"):
        drive(config)


def test_the_worker_s_memory_is_known(mode: str, toy_config: MakeConfig, drive: Drive) -> None:
    driver = drive(_in(mode, toy_config()))
    assert 50e6 < driver.link.memory < 10e9  # [bytes]; torch alone takes more
    driver.link.close()
    assert driver.link.memory == 0


def test_another_interpreter_needs_no_ros_and_gets_this_package(
    toy: Path, toy_config: MakeConfig, drive: Drive, tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    site = next(venv.glob("lib/python*/site-packages"))
    # It has torch's packages and the toy family, and nothing of the node's PYTHONPATH.
    (site / "test.pth").write_text(f"{sysconfig.get_path('purelib')}\n{toy}\n")
    os.environ["PYTHONPATH"] = f"{os.environ['PYTHONPATH']}{os.pathsep}/nowhere"
    config = toy_config(no_ros=True, search_path_without="/nowhere")
    config.worker.python = str(venv / "bin" / "python")
    plan = drive(config).plan(GRAY)
    assert isinstance(plan, Planned)


def test_a_node_s_process_without_thread_or_inline_has_no_torch() -> None:
    code = "import sys, wm_planner.worker; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_process_has_the_configured_niceness(toy_config: MakeConfig, drive: Drive) -> None:
    before = set(psutil.Process().children())
    config = toy_config()
    config.worker.nice = 7
    drive(config)
    (worker,) = set(psutil.Process().children()) - before
    assert worker.nice() == psutil.Process().nice() + 7
