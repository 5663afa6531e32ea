"""Settings by which no gripper can follow are refused."""

from __future__ import annotations

from typing import Any

import pytest

from wm_planner.config import ConfigError, GripperConfig, LimitsConfig
from wm_planner.control import CommandGate, LimitsError
from wm_planner.control.gripper_receiver import check_gripper
from wm_planner.models.spec import GripperMapping

GOOD: dict[str, Any] = {
    "name": "grip", "kind": "width", "mode": "absolute", "closed": 0.0, "open": 0.08,
}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "changes", "words"),
    [
        ({"type": ""}, {}, "move a gripper, and gripper.type does not say"),
        ({"joints": []}, {}, "needs the joints of the fingers in gripper.joints"),
        ({"type": "parallel_gripper_command", "joints": ["a", "b"]}, {}, "needs one joint"),
        ({"joints": ["a", "a"]}, {}, "names a joint twice"),
        ({"scale": 0.0}, {}, "scale is 0"),
        ({"type": "gripper_command", "joints": []}, {"mode": "relative"}, "must be measured"),
    ],
)
def test_a_gripper_that_cannot_follow_is_refused(
    settings: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    config = GripperConfig(**{"type": "joint_state", "joints": ["finger"]} | settings)
    mapping = GripperMapping(**GOOD | changes)
    with pytest.raises(ConfigError, match=words):
        check_gripper(config, mapping, "toy")
    check_gripper(config, None, "toy")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, r"limits\.gripper_max is not set"),
        ({"gripper_min": 0.08, "gripper_max": 0.05}, "must be below"),
    ],
)
def test_a_gripper_needs_a_range(limits: dict[str, float], words: str) -> None:
    config = LimitsConfig(workspace_min=[0.0] * 3, workspace_max=[1.0] * 3, **limits)
    CommandGate(config)
    with pytest.raises(LimitsError, match=words):
        CommandGate(config, grips=True)
