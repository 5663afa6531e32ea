"""A client that waits does not wait for a process that has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lifecycle_msgs.msg import Transition
from program_runs import WAIT, own_domain, running, wait_until
from wm_planner_msgs.action import ReachGoal

from wm_planner_sim.client.calls import ClientError
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.processes import ManagedProcess
from wm_planner_sim.demo.play import wait_for_the_end

pytestmark = pytest.mark.dds
ENDED = "has ended: its output above says why"


@pytest.fixture
def waiting(watch: Any, tmp_path: Path) -> Iterator[Client]:
    """A client of a planner that has ended."""
    with watch("nobody") as client, ManagedProcess("this", output=tmp_path / "output") as planner:
        planner.process.wait(WAIT)
        client.watch("the planner", planner)
        yield client


@pytest.mark.parametrize(
    "wait",
    [
        lambda client: client.wait_active(),
        lambda client: client.spin_until(lambda: False),
        lambda client: client.transition(Transition.TRANSITION_CONFIGURE),
        lambda client: client.send(ReachGoal.Goal(), 1.0),
        wait_for_the_end,
    ],
)
def test_no_wait_outlives_the_planner(wait: Callable[[Client], Any], waiting: Client) -> None:
    with pytest.raises(ClientError, match=f"the planner {ENDED}"):
        wait(waiting)


def test_a_goal_image_does_not_come_from_a_simulator_that_has_ended() -> None:
    code = """
import rclpy
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.processes import ManagedProcess
rclpy.init()
client = Client()
with ManagedProcess("this") as simulator:
    client.watch("the simulator", simulator)
    client.sample_goal(1)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=own_domain(), capture_output=True, text=True)
    assert f"ClientError: the simulator {ENDED}" in done.stderr


@pytest.mark.parametrize("parameter", ["planning.horizon:=abc", "foo"])
def test_the_demo_ends_with_a_planner_that_cannot_start(parameter: str, tmp_path: Path) -> None:
    words = ["--headless", "--task=reach", f"--output={tmp_path}", f"--parameter={parameter}"]
    command = [sys.executable, "-m", "wm_planner_sim.demo", *words]
    done = subprocess.run(command, env=own_domain(), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"demo: the planner {ENDED}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "what"),
    [
        ("wm_planner.node", "the planner"),
        ("wm_planner_sim.simulator.node", "the simulator"),
    ],
)
def test_the_demo_ends_with_a_process_that_is_killed(
    module: str, what: str, tmp_path: Path
) -> None:
    printed = tmp_path / "printed"
    words = ["--headless", "--task=reach", f"--output={tmp_path}"]
    with running("wm_planner_sim.demo", words, printed, own_domain()) as demo:
        wait_until(lambda: "goal  1:" in printed.read_text() or demo.poll() is not None)
        os.kill(child(demo.pid, module), signal.SIGKILL)
        assert demo.wait(WAIT) == 2, printed.read_text()
    assert printed.read_text().splitlines()[-1] == f"demo: {what} {ENDED}"


def child(parent: int, module: str) -> int:
    """Return the process that runs a module for another process."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    (found,) = (
        int(pid)
        for pid in children
        if f"-m\0{module}\0" in Path(f"/proc/{pid}/cmdline").read_text()
    )
    return found
