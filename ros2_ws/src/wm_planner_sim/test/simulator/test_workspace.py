"""The Franka's boxes in the planner's configuration are in reach and free of singularities."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[5] / "benchmarks"))

import workspace

from wm_planner.cli.settings import config_directory

pytestmark = pytest.mark.sim


def box_of_a_hand_that_tilts() -> list[str]:
    """Return the box in the comments of franka.yaml, as arguments."""
    text = (config_directory() / "franka.yaml").read_text()
    limits = dict(re.findall(r"^  # (\w+): (\[.*\]|[\d.]+)", text, re.MULTILINE))
    low, high = ([str(x) for x in json.loads(limits[f"workspace_{end}"])] for end in ("min", "max"))
    angles = ["--tilt", limits["max_tilt"], "--twist", limits["max_twist"]]
    return ["--min", *low, "--max", *high, *angles]


@pytest.mark.parametrize("tilts", [False, True])
def test_the_joints_keep_to_their_limits_in_the_boxes_of_the_configuration(tilts: bool) -> None:
    missed, shares = workspace.main(["--poses", "300", *(box_of_a_hand_that_tilts() * tilts)])
    assert missed == 0
    assert (shares[:, 0] < 1).all(), "a hand that moves"
    assert (shares[:, 1] < 1.5).all(), "a hand that moves and turns in the worst directions"


def test_a_box_that_is_too_large_is_told() -> None:
    missed, shares = workspace.main(["--poses", "400", "--max", "0.75", "0.35", "0.6"])
    assert missed > 0
    assert shares[1, 0] > 1
