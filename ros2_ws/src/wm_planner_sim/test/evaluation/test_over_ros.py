"""Evaluation over ROS, as a user starts it: the real node pushes a cube."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.dds, pytest.mark.slow]
FREE_DOMAIN = Path(__file__).parents[5] / "scripts" / "free_domain.py"


def test_the_real_node_pushes_the_cube_toward_its_goals(tmp_path: Path) -> None:
    """How near it comes is tested in process, where the arm waits for each plan."""
    domain = subprocess.check_output([sys.executable, FREE_DOMAIN], text=True).strip()
    words = ["--task=push", "--goals=2", "--ros=2", "--policies", "zero", "--shifts"]
    ran = subprocess.run(
        [sys.executable, "-m", "wm_planner_sim.evaluation", *words, f"--output={tmp_path}"],
        env={**os.environ, "ROS_DOMAIN_ID": domain},  # apart from the nodes of other tests
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout
    (page,) = tmp_path.rglob("evaluation.html")
    assert "Over ROS" in page.read_text()
    found = json.loads(page.with_name("evaluation.json").read_text())["over_ros"]
    assert found["goals"] == 2
    before, after = sum(found["initial_distances"]), sum(found["final_distances"])
    assert after < 0.9 * before, found  # at rest, and at random, the cube stays where it is
