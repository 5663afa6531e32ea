"""The camera contract in the loop: every picture of every view, and when it must change."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.config import CameraConfig
from wm_planner.models import ModelSpec
from wm_planner.ros.contract import CameraContract
from wm_planner.worker import Scene

PICTURE = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("joints", "moved", "frozen"),
    [(False, 0.001, False), (False, 0.004, True), (True, 0.004, False), (True, 0.006, True)],
)
def test_a_picture_is_frozen_when_the_arm_has_moved_metres_or_radians(
    spec: ModelSpec, joints: bool, moved: float, frozen: bool
) -> None:
    contract = CameraContract(spec, CameraConfig(frozen="stop"), joints=joints)
    found = []
    for i in range(20):
        at = moved * min(i, 1) + moved / 8 * (i % 2)
        new = contract.observe(Scene(PICTURE), 0.2 * i, np.array([at, 0.0, 0.0]))
        assert new is (i < 2 or not frozen), "a simulator's picture may show the frame before"
        found.append(contract.stops(Scene(PICTURE)))
    assert any("frozen" in why for why in found) is frozen


def test_an_arm_that_rests_proves_no_picture_frozen(spec: ModelSpec) -> None:
    """As after a gap of the measured poses, or where they come later than the pictures."""
    contract = CameraContract(spec, CameraConfig(frozen="stop"), joints=False)
    assert contract.observe(Scene(PICTURE), 0.0, np.zeros(3))
    for i in range(1, 30):
        assert contract.observe(Scene(PICTURE), 0.1 * i, np.array([0.07, 0.0, 0.0]))
    assert contract.stops(Scene(PICTURE)) == ""


def test_a_frozen_picture_that_nobody_minds_counts_as_new(spec: ModelSpec) -> None:
    contract = CameraContract(spec, CameraConfig(frozen="warn"), joints=False)
    assert all(
        contract.observe(Scene(PICTURE), 0.1 * i, np.array([0.1 * i, 0, 0])) for i in range(9)
    )


def test_every_picture_is_looked_at(spec: ModelSpec) -> None:
    contract = CameraContract(spec, CameraConfig(), joints=False)
    assert contract.stops(Scene(PICTURE)) == ""
    assert contract.stops(Scene(np.zeros_like(PICTURE))).startswith("black (")
    assert contract.stops(Scene(PICTURE)) == ""


def test_every_view_is_held_to_the_contract(spec: ModelSpec) -> None:
    spec.views = ["front", "wrist"]
    contract = CameraContract(spec, CameraConfig(), joints=False)
    black = np.zeros_like(PICTURE)
    assert "wrist: The picture is black" in contract.stops(Scene(PICTURE, views=(black,)))
    assert contract.refuses_goal(Scene(PICTURE, views=(black,))).startswith("black (")
    assert contract.stops(Scene(PICTURE, views=(PICTURE,))) == ""
    new = [
        contract.observe(Scene(PICTURE + i, views=(PICTURE,)), 0.1 * i, np.array([0.1 * i, 0, 0]))
        for i in range(4)
    ]
    assert new == [True, True, False, False], "the second view is frozen"
