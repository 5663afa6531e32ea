"""Limits are taken from the settings, or refused."""

from __future__ import annotations

import pytest

from wm_planner.config import LimitsConfig
from wm_planner.control import LimitsError
from wm_planner.control.command_limits import CommandLimits

BAD = [([], []), ([0, 0, 0], []), ([0, 0, 1], [1, 1, 1]), ([0, 0, float("nan")], [1, 1, 1])]


@pytest.mark.parametrize(("lower", "upper"), BAD)
def test_a_workspace_that_is_missing_or_inverted_is_refused(
    lower: list[float], upper: list[float]
) -> None:
    with pytest.raises(LimitsError, match=r"limits\.workspace_min"):
        CommandLimits.of(LimitsConfig(workspace_min=lower, workspace_max=upper), [])


@pytest.mark.parametrize(("lower", "upper"), [*BAD, ([0] * 4, [1] * 4)])
def test_joint_limits_that_are_missing_or_inconsistent_are_refused(
    lower: list[float], upper: list[float]
) -> None:
    with pytest.raises(LimitsError, match=r"limits\.joint_min"):
        CommandLimits.of(LimitsConfig(joint_min=lower, joint_max=upper), ["a", "b", "c"])


def test_a_cartesian_limit_is_of_the_length_and_a_joint_limit_of_each_joint() -> None:
    config = LimitsConfig([0.0] * 3, [1.0] * 3, joint_min=[0.0] * 2, joint_max=[1.0] * 2)
    cartesian, joints = CommandLimits.of(config, []), CommandLimits.of(config, ["a", "b"])
    assert cartesian.size([3.0, 0.0, 4.0]) == 5.0
    assert joints.size([3.0, -4.0]) == 4.0
    assert (cartesian.name("speed"), joints.name("speed")) == (
        "limits.max_speed",
        "limits.max_joint_speed",
    )
