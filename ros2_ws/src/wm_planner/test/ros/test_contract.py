"""The camera contract in the loop: how far an arm moves before its picture must change."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.config import CameraConfig
from wm_planner.models import ModelSpec
from wm_planner.ros.contract import CameraContract

PICTURE = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("joints", "moved", "frozen"),
    [(False, 0.001, False), (False, 0.004, True), (True, 0.004, False), (True, 0.006, True)],
)
def test_a_picture_is_frozen_when_the_arm_has_moved_metres_or_radians(
    spec: ModelSpec, joints: bool, moved: float, frozen: bool
) -> None:
    contract = CameraContract(spec, CameraConfig(period=0.0, frozen="stop"), joints=joints)
    found = []
    for i in range(20):
        new = contract.observe(PICTURE, 0.2 * i, np.array([moved * min(i, 1), 0.0, 0.0]))
        assert new is (i < 2 or not frozen), "a simulator's picture may show the frame before"
        found.append(contract.stops(PICTURE, 0.2 * i))
    assert any("frozen" in why for why in found) is frozen


def test_a_frozen_picture_that_nobody_minds_counts_as_new(spec: ModelSpec) -> None:
    contract = CameraContract(spec, CameraConfig(frozen="warn"), joints=False)
    assert all(contract.observe(PICTURE, 0.1 * i, np.array([0.1 * i, 0, 0])) for i in range(9))
