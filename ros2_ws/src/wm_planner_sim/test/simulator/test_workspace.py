"""The Franka's box in the planner's configuration is within reach and free of singularities."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[5] / "benchmarks"))

import workspace

pytestmark = pytest.mark.sim
TILTED = ["--min", "0.4", "-0.2", "0.2", "--max", "0.56", "0.2", "0.4", "--tilt", "0.3"]


@pytest.mark.parametrize("box", [[], [*TILTED, "--twist", "0.5"]])
def test_the_joints_keep_to_their_limits_in_the_boxes_of_the_configuration(box: list[str]) -> None:
    missed, shares = workspace.main(["--poses", "300", *box])
    assert missed == 0
    assert (shares[:, 0] < 1).all(), "a hand that moves"
    assert (shares[:, 1] < 1.5).all(), "a hand that moves and turns in the worst directions"


def test_a_box_that_is_too_large_is_told() -> None:
    missed, shares = workspace.main(["--poses", "400", "--max", "0.75", "0.35", "0.6"])
    assert missed > 0
    assert shares[1, 0] > 1
