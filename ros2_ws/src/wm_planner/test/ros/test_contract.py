"""The camera contract in the loop: every image of every view, and when it must change."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.config import CameraConfig
from wm_planner.models import ModelSpec
from wm_planner.ros.contract import CameraContract
from wm_planner.types import Observation

IMAGE = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("joints", "moved", "frozen"),
    [(False, 0.001, False), (False, 0.004, True), (True, 0.004, False), (True, 0.006, True)],
)
def test_an_image_is_frozen_when_the_arm_has_moved_meters_or_radians(
    spec: ModelSpec, joints: bool, moved: float, frozen: bool
) -> None:
    contract = CameraContract(spec, CameraConfig(frozen="stop"), joints=joints)
    found = []
    for i in range(20):
        at = moved * min(i, 1) + moved / 8 * (i % 2)
        new = contract.observe(Observation((IMAGE,)), 0.2 * i, np.array([at, 0.0, 0.0]))
        assert new is (i < 2 or not frozen), "a simulator's image may show the frame before"
        found.append(contract.stops(Observation((IMAGE,))))
    assert any("frozen" in why for why in found) is frozen


def test_an_arm_that_rests_proves_no_image_frozen(spec: ModelSpec) -> None:
    """As after a gap of the measured poses, or where they come later than the images."""
    contract = CameraContract(spec, CameraConfig(frozen="stop"), joints=False)
    assert contract.observe(Observation((IMAGE,)), 0.0, np.zeros(3))
    for i in range(1, 30):
        assert contract.observe(Observation((IMAGE,)), 0.1 * i, np.array([0.07, 0.0, 0.0]))
    assert contract.stops(Observation((IMAGE,))) == ""


def test_a_frozen_image_that_nobody_minds_counts_as_new(spec: ModelSpec) -> None:
    contract = CameraContract(spec, CameraConfig(frozen="warn"), joints=False)
    assert all(
        contract.observe(Observation((IMAGE,)), 0.1 * i, np.array([0.1 * i, 0, 0]))
        for i in range(9)
    )


def test_every_image_is_looked_at(spec: ModelSpec) -> None:
    contract = CameraContract(spec, CameraConfig(), joints=False)
    assert contract.stops(Observation((IMAGE,))) == ""
    assert contract.stops(Observation((np.zeros_like(IMAGE),))).startswith("black (")
    assert contract.stops(Observation((IMAGE,))) == ""


def test_every_view_is_held_to_the_contract(spec: ModelSpec) -> None:
    spec.views = ["front", "wrist"]
    contract = CameraContract(spec, CameraConfig(), joints=False)
    black = np.zeros_like(IMAGE)
    assert "wrist: The image is black" in contract.stops(Observation((IMAGE, black)))
    assert contract.refuses_goal(Observation((IMAGE, black))).startswith("black (")
    assert contract.stops(Observation((IMAGE, IMAGE))) == ""
    new = [
        contract.observe(Observation((IMAGE + i, IMAGE)), 0.1 * i, np.array([0.1 * i, 0, 0]))
        for i in range(4)
    ]
    assert new == [True, True, False, False], "the second view is frozen"
