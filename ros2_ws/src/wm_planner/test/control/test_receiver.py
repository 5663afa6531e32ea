"""Commands that mean something else to their receiver are refused, or said to be wrong."""

from __future__ import annotations

from typing import Any

import pytest

from wm_planner.command_types import COMMAND_TYPES
from wm_planner.config import CommandsConfig, ConfigError
from wm_planner.control.receiver import check_joints, check_receiver, no_halt, sends_velocity
from wm_planner.models.spec import CommandMapping

CARTESIAN = CommandMapping("relative", ["x", "y", "z"])
ARM = [f"arm_{i}" for i in range(1, 7)]
JOINTS = CommandMapping("relative", ARM, ARM)
ARRAY = {"type": "float64_multi_array", "space": "joints", "controller": "forward"}


def _check(mapping: CommandMapping, **settings: Any) -> None:
    check_receiver(CommandsConfig(**settings), mapping, "reach")


@pytest.mark.parametrize("type", ["joint_state", "joint_trajectory"])
def test_cartesian_actions_cannot_become_joint_commands(type: str) -> None:
    with pytest.raises(ConfigError, match=r"set commands\.kinematics"):
        _check(CARTESIAN, type=type)


@pytest.mark.parametrize("type", ["joint_state", "joint_trajectory"])
def test_with_kinematics_they_can_unless_the_receiver_is_said_to_take_poses(type: str) -> None:
    _check(CARTESIAN, type=type, kinematics="arm.urdf")
    with pytest.raises(ConfigError, match=r"set commands\.kinematics"):
        _check(CARTESIAN, type=type, kinematics="arm.urdf", space="cartesian")


def test_the_joints_of_the_arm_are_compared_with_those_of_the_receiver() -> None:
    config = CommandsConfig(**ARRAY | {"receiver_joints": ARM[:5]})
    with pytest.raises(ConfigError, match="arm_6, which the planner commands"):
        check_joints(config, ARM)
    check_joints(CommandsConfig(**ARRAY), ARM)


@pytest.mark.parametrize("type", ["pose_stamped", "twist_stamped"])
def test_joint_actions_cannot_become_cartesian_commands(type: str) -> None:
    with pytest.raises(ConfigError, match="move joints"):
        _check(JOINTS, type=type)


@pytest.mark.parametrize("mapping", [CARTESIAN, JOINTS])
@pytest.mark.parametrize("type", [name for name, t in COMMAND_TYPES.items() if t.anonymous])
def test_bare_numbers_need_a_declared_space(type: str, mapping: CommandMapping) -> None:
    with pytest.raises(ConfigError, match=r"commands\.space"):
        _check(mapping, type=type, controller="forward")


@pytest.mark.parametrize("interface", ["position", "velocity"])
def test_bare_numbers_of_one_space_are_refused_by_a_receiver_of_the_other(interface: str) -> None:
    with pytest.raises(ConfigError, match=r"set commands\.kinematics"):
        _check(CARTESIAN, **ARRAY, interface=interface)
    with pytest.raises(ConfigError, match="move joints"):
        _check(JOINTS, **ARRAY | {"space": "cartesian"}, interface=interface)
    _check(CARTESIAN, **ARRAY | {"space": "cartesian"}, interface=interface)
    _check(JOINTS, **ARRAY, interface=interface)


def test_bare_joint_numbers_need_the_receiver_s_joints() -> None:
    with pytest.raises(ConfigError, match=r"commands\.receiver_joints"):
        _check(JOINTS, **ARRAY | {"controller": ""})
    _check(JOINTS, **ARRAY | {"controller": "", "receiver_joints": ARM[::-1]})


@pytest.mark.parametrize("type", ["joint_state", "joint_trajectory", "float64_multi_array"])
def test_a_joint_that_the_receiver_lacks_is_named(type: str) -> None:
    space = "joints" if COMMAND_TYPES[type].anonymous else ""
    with pytest.raises(ConfigError, match="arm_6, which the planner commands, is not among"):
        _check(JOINTS, type=type, space=space, receiver_joints=[*ARM[:5], "wrist"])


@pytest.mark.parametrize("type", ["joint_trajectory", "float64_multi_array"])
def test_a_joint_that_the_model_lacks_is_named(type: str) -> None:
    space = "joints" if COMMAND_TYPES[type].anonymous else ""
    with pytest.raises(ConfigError, match="not wrist"):
        _check(JOINTS, type=type, space=space, receiver_joints=[*ARM, "wrist"])


def test_a_joint_state_may_leave_joints_out() -> None:
    _check(JOINTS, type="joint_state", receiver_joints=[*ARM, "wrist"])


def test_the_receiver_s_joints_are_unique_and_not_for_cartesian_commands() -> None:
    with pytest.raises(ConfigError, match="names a joint twice"):
        _check(JOINTS, type="joint_state", receiver_joints=[*ARM, "arm_1"])
    with pytest.raises(ConfigError, match="leave it empty"):
        _check(CARTESIAN, receiver_joints=ARM)


def test_a_velocity_that_outlives_the_planner_is_warned_about() -> None:
    assert "goes on with its last velocity" in no_halt(CommandsConfig(type="twist_stamped"))
    assert no_halt(CommandsConfig(type="twist_stamped", receiver_timeout=0.5)) == ""
    assert no_halt(CommandsConfig()) == ""


@pytest.mark.parametrize("timeout", [0.51, 10.0])
def test_a_receiver_that_halts_late_is_warned_about(timeout: float) -> None:
    config = CommandsConfig(type="twist_stamped", receiver_timeout=timeout)
    assert f"receiver_timeout is {timeout:g} s" in no_halt(config)
    config.type = "pose_stamped"
    assert no_halt(config) == "", "a pose halts by itself"


@pytest.mark.parametrize(
    ("type", "interface", "velocity"),
    [
        ("pose_stamped", "velocity", False),
        ("twist_stamped", "position", True),
        ("joint_trajectory", "velocity", False),
        ("joint_state", "velocity", True),
        ("float64_multi_array", "position", False),
        ("float64_multi_array", "velocity", True),
    ],
)
def test_the_interface_decides_for_messages_that_can_carry_both(
    type: str, interface: str, velocity: bool
) -> None:
    assert sends_velocity(CommandsConfig(type=type, interface=interface)) is velocity
