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
        CommandLimits(LimitsConfig(workspace_min=lower, workspace_max=upper), [])


@pytest.mark.parametrize(("lower", "upper"), [*BAD, ([0] * 4, [1] * 4)])
def test_joint_limits_that_are_missing_or_inconsistent_are_refused(
    lower: list[float], upper: list[float]
) -> None:
    limits = LimitsConfig(joint_names=["a", "b", "c"], joint_min=lower, joint_max=upper)
    with pytest.raises(LimitsError, match=r"limits\.joint_min"):
        CommandLimits(limits, ["a", "b", "c"])


def _of_joints(names: list[str], joints: list[str]) -> CommandLimits:
    count = len(names)
    lower, upper = [-1.0 - i for i in range(count)], [1.0 + i for i in range(count)]
    config = LimitsConfig(joint_names=names, joint_min=lower, joint_max=upper)
    return CommandLimits(config, joints)


def test_joint_limits_belong_to_the_joints_of_their_names() -> None:
    limits = _of_joints(["*_joint1", "*_joint2", "*_joint3"], ["fr3_joint3", "fr3_joint1"])
    assert (limits.lower.tolist(), limits.upper.tolist()) == ([-3.0, -1.0], [3.0, 1.0])


@pytest.mark.parametrize(
    ("names", "joints", "words"),
    [
        (["shoulder", "elbow"], ["wrist"], "none of shoulder, elbow matches it"),
        (["arm_*", "*_1"], ["arm_1"], r"arm_\* and \*_1 of"),
        (["arm_*", "base"], ["arm_1", "arm_2"], "apart"),
        ([], ["arm_1"], "limits.joint_min"),
    ],
)
def test_each_commanded_joint_needs_one_name_of_its_own(
    names: list[str], joints: list[str], words: str
) -> None:
    with pytest.raises(LimitsError, match=words):
        _of_joints(names, joints)


def test_joint_limits_without_names_are_refused() -> None:
    with pytest.raises(LimitsError, match=r"limits\.joint_names"):
        CommandLimits(LimitsConfig(joint_min=[-1.0], joint_max=[1.0]), ["arm_1"])


def test_a_cartesian_limit_is_of_the_length_and_a_joint_limit_of_each_joint() -> None:
    config = LimitsConfig(
        workspace_min=[0.0] * 3,
        workspace_max=[1.0] * 3,
        joint_names=["a", "b"],
        joint_min=[0.0] * 2,
        joint_max=[1.0] * 2,
    )
    cartesian, joints = CommandLimits(config, []), CommandLimits(config, ["a", "b"])
    assert cartesian.size([3.0, 0.0, 4.0]) == 5.0
    assert joints.size([3.0, -4.0]) == 4.0
    assert (cartesian.name("speed"), joints.name("speed")) == (
        "limits.max_speed",
        "limits.max_joint_speed",
    )
