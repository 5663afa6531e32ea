"""Random plans through the commander: the benchmark of ``benchmarks/``, with fewer of them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[4] / "benchmarks"))

import random_plans


def test_no_command_of_a_random_plan_leaves_the_limits() -> None:
    found = random_plans.main(["--plans", "900", "--seed", "7"])
    assert found["plans"] == 900
    assert found["commands"] > 3 * 900
    assert min(found["clamped"], found["refused"], found["unusable"]) > 10
