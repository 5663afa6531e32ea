"""The camera contract of live and goal images of all views."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.camera_contract import CameraContract
from wm_planner.config import CameraConfig
from wm_planner.models import ModelSpec
from wm_planner.types import Observation

IMAGE = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)


def contract_of(
    spec: ModelSpec, severities: CameraConfig, *, joints: bool = False
) -> CameraContract:
    """Return the contract of a model."""
    return CameraContract(spec.views, spec.image, severities, joints=joints)


@pytest.mark.parametrize(
    ("joints", "moved", "frozen"),
    [(False, 0.001, False), (False, 0.004, True), (True, 0.004, False), (True, 0.006, True)],
)
def test_unchanged_image_is_frozen_after_the_arm_moved_by_the_limit_in_meters_or_radians(
    spec: ModelSpec, joints: bool, moved: float, frozen: bool
) -> None:
    contract = contract_of(spec, CameraConfig(frozen="stop"), joints=joints)
    found = []
    for i in range(20):
        at = moved * min(i, 1) + moved / 8 * (i % 2)
        new = contract.observe(Observation((IMAGE,), stamp=0.2 * i), np.array([at, 0.0, 0.0]))
        assert new is (i < 2 or not frozen), "a simulator may repeat one image"
        found.append(contract.violation(Observation((IMAGE,))))
    assert any("frozen" in why for why in found) is frozen


def test_unchanged_image_of_an_arm_at_rest_is_not_frozen(spec: ModelSpec) -> None:
    """As after a gap in the measured poses, or if they are newer than the images."""
    contract = contract_of(spec, CameraConfig(frozen="stop"))
    assert contract.observe(Observation((IMAGE,), stamp=0.0), np.zeros(3))
    for i in range(1, 30):
        assert contract.observe(Observation((IMAGE,), stamp=0.1 * i), np.array([0.07, 0.0, 0.0]))
    assert contract.violation(Observation((IMAGE,))) == ""


def test_frozen_image_may_be_planned_from_if_frozen_is_a_warning(spec: ModelSpec) -> None:
    contract = contract_of(spec, CameraConfig(frozen="warn"))
    assert all(
        contract.observe(Observation((IMAGE,), stamp=0.1 * i), np.array([0.1 * i, 0, 0]))
        for i in range(9)
    )


def test_every_image_is_checked(spec: ModelSpec) -> None:
    contract = contract_of(spec, CameraConfig())
    assert contract.violation(Observation((IMAGE,))) == ""
    assert contract.violation(Observation((np.zeros_like(IMAGE),))).startswith("black (")
    assert contract.violation(Observation((IMAGE,))) == ""


def test_images_of_every_view_are_checked(spec: ModelSpec) -> None:
    spec.views = ["front", "wrist"]
    contract = contract_of(spec, CameraConfig())
    black = np.zeros_like(IMAGE)
    assert "wrist: The image is black" in contract.violation(Observation((IMAGE, black)))
    assert contract.goal_violation(Observation((IMAGE, black))).startswith("black (")
    assert contract.violation(Observation((IMAGE, IMAGE))) == ""
    new = [
        contract.observe(Observation((IMAGE + i, IMAGE), stamp=0.1 * i), np.array([0.1 * i, 0, 0]))
        for i in range(4)
    ]
    assert new == [True, True, False, False], "the second view is frozen"


def test_without_a_goal_images_are_checked_once_a_second(spec: ModelSpec) -> None:
    contract = contract_of(spec, CameraConfig())
    black, good = Observation((np.zeros_like(IMAGE),)), Observation((IMAGE,))
    contract.glance(black, 10.0)
    assert "black" in [finding.name for finding in contract.findings]
    contract.glance(good, 10.9)
    assert contract.findings
    contract.glance(good, 11.0)
    assert contract.findings == ()
