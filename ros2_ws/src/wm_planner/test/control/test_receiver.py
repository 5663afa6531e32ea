"""Commands that mean something else to their receiver are refused, or said to be wrong."""

from __future__ import annotations

from typing import Any

import pytest

from wm_planner.command_types import COMMAND_TYPES
from wm_planner.config import CommandsConfig, ConfigError
from wm_planner.control.receiver import Sender, check_receiver, compare, no_halt, sends_velocity
from wm_planner.models.spec import CommandMapping

CARTESIAN = CommandMapping("relative", ["x", "y", "z"])
ARM = [f"arm_{i}" for i in range(1, 7)]
JOINTS = CommandMapping("relative", ARM, ARM)
ARRAY = {"type": "float64_multi_array", "space": "joints", "controller": "forward"}


def _check(mapping: CommandMapping, **settings: Any) -> None:
    check_receiver(CommandsConfig(**settings), mapping, "reach")


@pytest.mark.parametrize("type", ["joint_state", "joint_trajectory"])
def test_cartesian_actions_cannot_become_joint_commands(type: str) -> None:
    with pytest.raises(ConfigError, match="has no inverse kinematics"):
        _check(CARTESIAN, type=type)


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
    with pytest.raises(ConfigError, match="has no inverse kinematics"):
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
    with pytest.raises(ConfigError, match="arm_6 of the model's actions is not among them"):
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


def _compare(values: dict[str, Any], mapping: CommandMapping = JOINTS, **settings: Any) -> Any:
    config = CommandsConfig(**({"type": "joint_trajectory"} | settings))
    return compare(Sender(config, tuple(mapping.joints), "base", 0.5), values)


FORWARD = {"joints": ARM, "interface_name": "position"}
TRAJECTORY = {
    "joints": ARM,
    "command_interfaces": ["position"],
    "interpolate_from_desired_state": True,
}
SERVO = {
    "moveit_servo.command_in_type": "speed_units",
    "moveit_servo.scale.linear": 0.5,
    "moveit_servo.incoming_command_timeout": 0.1,
}


def test_a_controller_that_fits_is_no_problem() -> None:
    assert _compare(FORWARD, **ARRAY) == []
    assert _compare({"joints": ARM}, **ARRAY) == [], "JointGroupPositionController"
    assert _compare(TRAJECTORY) == []
    assert (
        _compare({"joints": ARM, "robot_base_link": "base"}, CARTESIAN, type="pose_stamped") == []
    )
    assert _compare(SERVO, CARTESIAN, type="twist_stamped") == []
    assert _compare({}) == []
    assert _compare({"joints": [*ARM, "x"], "command_joints": ARM}) == [], "passive joints"


@pytest.mark.parametrize(
    ("values", "mapping", "settings", "words"),
    [
        (FORWARD | {"joints": ARM[:5]}, JOINTS, ARRAY, "arm_6 of the model's actions"),
        (FORWARD | {"joints": [*ARM, "arm_7"]}, JOINTS, ARRAY, "not arm_7"),
        (FORWARD | {"joints": ARM[::-1]}, JOINTS, ARRAY, "in the order arm_6, arm_5"),
        (FORWARD | {"interface_name": "velocity"}, JOINTS, ARRAY, "interface_name is velocity"),
        (FORWARD | {"interface_name": "effort"}, JOINTS, ARRAY, "interface_name is effort"),
        (FORWARD, CARTESIAN, {"type": "float64_multi_array", "space": "cartesian"}, "takes joints"),
        (TRAJECTORY, CARTESIAN, {"type": "pose_stamped"}, "takes joints"),
        (TRAJECTORY | {"joints": [*ARM, "arm_7"]}, JOINTS, {}, "not arm_7"),
        ({"robot_base_link": "world"}, CARTESIAN, {"type": "pose_stamped"}, "is world"),
        ({"robot_base_link": "world"}, JOINTS, {}, "takes poses"),
        (
            SERVO | {"moveit_servo.command_in_type": "unitless"},
            CARTESIAN,
            {"type": "twist_stamped"},
            "speed_units",
        ),
    ],
)
def test_a_controller_that_would_move_the_arm_wrongly_stops(
    values: dict[str, Any], mapping: CommandMapping, settings: dict[str, Any], words: str
) -> None:
    (found,) = _compare(values, mapping, **settings)
    assert words in found.sentence
    assert found.stops


@pytest.mark.parametrize(
    ("values", "mapping", "settings", "words"),
    [
        (TRAJECTORY | {"interpolate_from_desired_state": False}, JOINTS, {}, "steps back"),
        (SERVO | {"moveit_servo.scale.linear": 0.4}, CARTESIAN, {"type": "twist_stamped"}, "0.4"),
        (
            SERVO | {"moveit_servo.incoming_command_timeout": 0.0},
            CARTESIAN,
            {"type": "twist_stamped"},
            "is killed",
        ),
    ],
)
def test_a_controller_that_is_only_set_up_badly_is_warned_about(
    values: dict[str, Any], mapping: CommandMapping, settings: dict[str, Any], words: str
) -> None:
    (found,) = _compare(values, mapping, **settings)
    assert words in found.sentence
    assert not found.stops


def test_the_receiver_s_declared_order_is_compared_with_the_controller_s() -> None:
    reversed_ = FORWARD | {"joints": ARM[::-1]}
    assert _compare(reversed_, **ARRAY, receiver_joints=ARM[::-1]) == []


def test_a_velocity_that_outlives_the_planner_is_warned_about() -> None:
    assert "goes on with its last velocity" in no_halt(CommandsConfig(type="twist_stamped"))
    assert no_halt(CommandsConfig(type="twist_stamped", receiver_timeout=0.1)) == ""
    assert no_halt(CommandsConfig()) == ""


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
