"""A lost worker: restarted once for the goal, then with delays, then not at all."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from wm_planner.config import Config
from wm_planner.types import Goal, Observation
from wm_planner.worker import Failed, Planned, PlannerLink, PlanOnce, PlanRequest, link
from wm_planner.worker.shared import SIZE

MakeConfig = Callable[..., Config]
Drive = Callable[[Config], Any]
NODE = """
import pickle, sys
from wm_planner.worker import PlannerLink
with open(sys.argv[1], "rb") as file:
    link = PlannerLink(pickle.load(file), lambda: None)
link.start()
print(link._worker.pid, flush=True)
sys.stdin.read()
"""
GRAY = Observation((np.full((12, 16, 3), 100, np.uint8),))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the delays between restarts."""
    monkeypatch.setattr(link, "BACKOFF", 0.01)


def _kill(driver: Any) -> None:
    os.kill(driver.link._worker.pid, signal.SIGKILL)


def test_a_killed_worker_comes_back_with_the_goal(toy_config: MakeConfig, drive: Drive) -> None:
    driver = drive(toy_config())
    before = driver.plan(GRAY)
    _kill(driver)
    lost = driver.answer()
    assert isinstance(lost, Failed)
    assert (lost.lost, lost.restarting) == (True, True)
    assert "SIGKILL" in lost.message
    assert not driver.link.idle
    driver.until(lambda: driver.link.idle)
    after = driver.plan(GRAY)  # the link sent the goal again
    assert isinstance(after, Planned)
    assert after.distance == before.distance
    np.testing.assert_array_equal(after.actions, before.actions)


def test_a_goal_waits_for_one_restart_only(toy_config: MakeConfig, drive: Drive) -> None:
    driver = drive(toy_config())
    _kill(driver)
    assert driver.answer().restarting
    driver.until(lambda: driver.link.idle)
    _kill(driver)
    second = driver.answer()
    assert (second.lost, second.restarting) == (True, False)
    driver.until(lambda: driver.link.idle)  # for the next goal


def test_a_goal_waits_no_longer_than_the_configured_time(
    toy_config: MakeConfig, drive: Drive, clock_of: Callable[..., Any]
) -> None:
    config = toy_config()
    config.worker.restart_timeout = 5.0
    driver = drive(config)
    clock = clock_of(link)
    _kill(driver)
    assert driver.answer().restarting
    os.kill(driver.link._worker.pid, signal.SIGSTOP)  # it is not back in time
    clock.now += 4.5
    driver.tick()
    assert driver.answers == []
    clock.now += 1.0
    driver.tick()
    (late,) = driver.answers
    assert (late.lost, late.restarting) == (True, False)
    assert "worker.restart_timeout (5 s)" in late.message
    os.kill(driver.link._worker.pid, signal.SIGCONT)
    driver.until(lambda: driver.link.idle)


def test_without_time_for_a_restart_the_goal_ends_at_once(
    toy_config: MakeConfig, drive: Drive
) -> None:
    config = toy_config()
    config.worker.restart_timeout = 0.0
    driver = drive(config)
    _kill(driver)
    assert not driver.answer().restarting


def test_a_stopped_worker_is_given_up_and_never_blocks_the_node(
    toy_config: MakeConfig, drive: Drive, time_limit: float
) -> None:
    config = toy_config()
    config.worker.plan_timeout = 0.5
    driver = drive(config)
    stopped = driver.link._worker.pid
    os.kill(stopped, signal.SIGSTOP)
    big = Observation(
        (np.zeros((SIZE, 1, 3), np.uint8),)
    )  # more than the shared memory and socket hold

    def ask() -> None:
        driver.link.plan(PlanRequest(1, big))
        driver.link.plan_once(PlanOnce(-2, big, Goal(big)))

    node = threading.Thread(target=ask, daemon=True)
    node.start()
    node.join(time_limit)
    assert not node.is_alive(), "it waits for a worker that does not go on"
    lost, once = driver.answer(), driver.answer()
    assert lost.restarting
    assert "worker.plan_timeout (0.5 s)" in lost.message
    assert (once.goal_id, once.lost) == (-2, False)
    driver.until(lambda: driver.link.idle)
    assert driver.link._worker.pid != stopped
    driver.until(lambda: not psutil.pid_exists(stopped))


def test_a_thread_that_hangs_is_left_behind(toy_config: MakeConfig, drive: Drive) -> None:
    config = toy_config(fault="hang")
    config.worker.mode, config.worker.plan_timeout = "thread", 0.2
    driver = drive(config)
    assert driver.plan(GRAY).restarting
    driver.until(lambda: driver.link.idle)


def test_the_exit_code_of_a_worker_is_reported(toy_config: MakeConfig, drive: Drive) -> None:
    driver = drive(toy_config(fault="exit"))
    answer = driver.plan(GRAY)
    assert answer.lost
    assert "exit code 7" in answer.message


def test_a_worker_that_dies_at_each_start_is_given_up_with_a_sentence(
    toy_config: MakeConfig, drive: Drive, quick: None, tmp_path: Path
) -> None:
    mark = tmp_path / "die"
    driver = drive(toy_config(die_at_start=str(mark)))
    mark.touch()
    _kill(driver)
    for count in range(1, link.MAX_LOSSES + 2):  # each loads torch
        driver.until(lambda: len(driver.answers) >= count)  # noqa: B023 - at once
    assert [a.restarting for a in driver.answers] == [True] + [False] * link.MAX_LOSSES
    assert "6 times in a row, so it is not started again: clean the node up" in driver.link.problem
    assert driver.answers[-1].message == driver.link.problem
    assert driver.link._spawn_due is None
    assert driver.link.ready is None


def test_a_model_that_can_no_longer_be_loaded_ends_the_goal(
    toy_config: MakeConfig, drive: Drive
) -> None:
    config = toy_config()
    driver = drive(config)
    (Path(config.model.directory) / "weights.safetensors").write_bytes(b"damaged")
    _kill(driver)
    assert driver.answer().restarting
    failed = driver.answer()
    assert (failed.lost, failed.restarting) == (True, False)
    assert "the file is damaged" in failed.message
    assert "configure it again" in driver.link.problem


def test_nothing_is_left_behind_when_a_worker_is_killed(
    toy_config: MakeConfig, drive: Drive
) -> None:
    driver = drive(toy_config())
    files = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        _kill(driver)
        assert driver.answer().lost
        driver.until(lambda: driver.link.idle)
        assert isinstance(driver.plan(GRAY), Planned)
    driver.until(lambda: len(os.listdir("/proc/self/fd")) <= files)


def test_the_start_can_be_interrupted(toy_config: MakeConfig, time_limit: float) -> None:
    config = toy_config()
    config.worker.start_timeout = time_limit
    starting = PlannerLink(config, lambda: None)
    asked = []

    def interrupted() -> bool:
        os.kill(starting._worker.pid, signal.SIGSTOP)  # it never gets ready
        asked.append(1)
        return len(asked) == 3

    try:
        with pytest.raises(link.WorkerError, match="interrupted"):
            starting.start(interrupted)
        assert starting.memory == 0
    finally:
        starting.close()


def test_a_stopped_worker_dies_with_its_node(
    toy_config: MakeConfig, tmp_path: Path, until: Callable[..., None]
) -> None:
    file = tmp_path / "config.pickle"
    file.write_bytes(pickle.dumps(toy_config()))
    node = subprocess.Popen(
        [sys.executable, "-c", NODE, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with node:
        assert node.stdout
        worker = psutil.Process(int(node.stdout.readline()))
        worker.suspend()
        until(lambda: worker.status() == psutil.STATUS_STOPPED, _pause)
        node.kill()
    until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, _pause)


def _pause() -> None:
    time.sleep(0.01)
