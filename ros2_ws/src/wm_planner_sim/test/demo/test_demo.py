"""The demo as a user starts it: images of 640x480, three processes, a report at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from reached import NEAR

pytestmark = [pytest.mark.dds, pytest.mark.slow]
FREE_DOMAIN = Path(__file__).parents[5] / "scripts" / "free_domain.py"


def test_the_demo_reaches_its_goal_and_writes_a_report(tmp_path: Path) -> None:
    domain = subprocess.check_output([sys.executable, FREE_DOMAIN], text=True).strip()
    words = ["--headless", "--task=reach", "--goals=1", f"--output={tmp_path}"]
    words.append("--parameter=planning.num_samples:=64")  # which the preset random does not have
    ran = subprocess.run(
        [sys.executable, "-m", "wm_planner_sim.demo", *words],
        env={**os.environ, "ROS_DOMAIN_ID": domain},  # apart from the nodes of other tests
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout
    (page,) = tmp_path.rglob("report.html")
    text = page.read_text()
    assert " of 1 goals reached" in text
    assert "data:video/mp4" in text
    report = json.loads(page.with_name("report.json").read_text())["tasks"]["reach"]
    assert report["planner"]["final_distances_m"][0] < NEAR
    assert report["plan_times"]["full"]["count"] == 5
    assert report["protocol"]["reflexes"].startswith("0 "), ran.stdout
