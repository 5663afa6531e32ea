"""Evaluation over ROS, as a user starts it: the real node moves a cube."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.dds, pytest.mark.slow]
FREE_DOMAIN = Path(__file__).parents[5] / "scripts" / "free_domain.py"


def over_ros(task: str, goals: int, output: Path) -> dict[str, Any]:
    """Return what an evaluation found over ROS."""
    domain = subprocess.check_output([sys.executable, FREE_DOMAIN], text=True).strip()
    words = [f"--task={task}", f"--goals={goals}", f"--ros={goals}", "--policies=zero", "--shifts"]
    ran = subprocess.run(
        [sys.executable, "-m", "wm_planner_sim.evaluation", *words, f"--output={output}"],
        env={**os.environ, "ROS_DOMAIN_ID": domain},  # apart from the nodes of other tests
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout
    (page,) = output.rglob("evaluation.html")
    assert "Over ROS" in page.read_text()
    found: dict[str, Any] = json.loads(page.with_name("evaluation.json").read_text())["over_ros"]
    assert found["goals"] == goals
    return found


def test_the_real_node_pushes_the_cube_toward_its_goals(tmp_path: Path) -> None:
    """How near it comes is tested in process, where the arm waits for each plan."""
    found = over_ros("push", 2, tmp_path)
    before, after = sum(found["initial_distances"]), sum(found["final_distances"])
    assert after < 0.9 * before, found  # at rest, and at random, the cube stays where it is


def test_the_real_node_goes_by_the_sub_goals_of_pick_place(tmp_path: Path) -> None:
    """The third is the cube between the closed fingers."""
    found = over_ros("pick_place", 2, tmp_path)
    assert max(found["goals_reached"]) >= 3, found
