"""The launch files, run by launch itself; skipped if it is not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("launch_testing")
pytestmark = [pytest.mark.dds, pytest.mark.slow]
HERE = Path(__file__).parent
LAUNCH_TEST = "from launch_testing.launch_test import main; main()"
ROS2 = "import sys; from ros2cli.cli import main; sys.exit(main())"


def run(module: str, *words: str) -> tuple[int, str]:
    """Run a program in a ROS domain of its own; return its exit code and output."""
    free = subprocess.check_output([sys.executable, HERE.parents[4] / "scripts/free_domain.py"])
    environment = {**os.environ, "ROS_DOMAIN_ID": free.decode().strip()}
    command = [sys.executable, "-c", module, *words]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110)
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize("file", ["planner", "isaac_franka"])
def test_a_launched_planner_reaches_a_goal_and_exits_cleanly(file: str) -> None:
    code, output = run(LAUNCH_TEST, str(HERE / "launched.py"), f"file:={file}")
    assert code == 0, output


def test_the_launched_demo_reaches_its_goals_and_ends_by_itself(tmp_path: Path) -> None:
    words = ("wm_planner_sim", "demo.launch.py", "goals:=1", f"output:={tmp_path}")
    code, output = run(ROS2, "launch", *words)
    assert code == 0, output
    assert output.count("process has finished cleanly") == 3, output
    assert list(tmp_path.rglob("*.html")), output
