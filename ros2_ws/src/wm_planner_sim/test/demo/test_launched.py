"""The launch files, run by launch itself; skipped if it is not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wm_planner_sim.simulator import franka
from wm_planner_sim.simulator.tasks import find_task

pytest.importorskip("launch_testing")
pytestmark = [pytest.mark.dds, pytest.mark.slow]
HERE = Path(__file__).parent
LAUNCH_TEST = "from launch_testing.launch_test import main; main()"
REACH = find_task("reach")
OVERRIDES = [
    "worker.threads=1",
    "session.progress_time=0.0",
    f"limits.workspace_min={list(REACH.workspace_min)}",  # starts and goals lie in it
    f"limits.workspace_max={list(REACH.workspace_max)}",
]
ROS2 = "import sys; from ros2cli.cli import main; sys.exit(main())"


def run(module: str, *words: str) -> tuple[int, str]:
    """Run a program in a ROS domain of its own; return its exit code and output."""
    free = subprocess.check_output([sys.executable, HERE.parents[4] / "scripts/free_domain.py"])
    environment = {**os.environ, "ROS_DOMAIN_ID": free.decode().strip()}
    command = [sys.executable, "-c", module, *words]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110)
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("file", "command", "more"),
    [
        ("planner", "target_pose", []),
        ("isaac_franka", "joint_command", [f"commands.posture={list(franka.HOME)}"]),
    ],
)
def test_a_launched_planner_reaches_a_goal_and_exits_cleanly(
    file: str, command: str, more: list[str]
) -> None:
    words = (f"file:={file}", f"command:={command}", f"overrides:={[*OVERRIDES, *more]}")
    code, output = run(LAUNCH_TEST, str(HERE / "launched.py"), *words)
    assert code == 0, output


def test_the_launched_demo_reaches_its_goals_and_ends_by_itself(tmp_path: Path) -> None:
    words = ("wm_planner_sim", "demo.launch.py", "goals:=1", f"output:={tmp_path}")
    code, output = run(ROS2, "launch", *words)
    assert code == 0, output
    assert output.count("process has finished cleanly") == 3, output
    assert list(tmp_path.rglob("*.html")), output
