"""A running controller that takes something else than the commands is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from wm_planner.config import CommandsConfig
from wm_planner.control.controller_rules import Sender, compare
from wm_planner.models.spec import CommandMapping
from wm_planner.text import MAX_SENTENCE

CARTESIAN = CommandMapping("relative", ["x", "y", "z"])
ARM = [f"arm_{i}" for i in range(1, 7)]
JOINTS = CommandMapping("relative", ARM, ARM)
ARRAY = {"type": "float64_multi_array", "space": "joints", "controller": "forward"}


def _compare(values: dict[str, Any], mapping: CommandMapping = JOINTS, **settings: Any) -> Any:
    config = CommandsConfig(**({"type": "joint_trajectory"} | settings))
    return compare(Sender(config, tuple(mapping.joints), "base", 0.5), values)


POSES = {"type": "float64_multi_array", "space": "cartesian", "controller": "forward"}
CLAIM = ARRAY | {"interface": "velocity", "receiver_timeout": 0.2}
FORWARD = {"joints": ARM, "interface_name": "position"}
TRAJECTORY = {
    "joints": ARM,
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
    assert _compare({"joints": ARM, "base_frame": ""}, CARTESIAN, type="pose_stamped") == []


def test_a_trajectory_controller_takes_all_of_its_joints_or_says_that_some_will_do() -> None:
    assert _compare(TRAJECTORY | {"command_joints": [f"pid/{j}" for j in ARM]}) == [], "a chain"
    more = TRAJECTORY | {"joints": [*ARM, "x"]}
    (found,) = _compare(more | {"command_joints": ARM})
    assert "not x" in found.sentence
    assert found.stops
    assert _compare(more | {"allow_partial_joints_goal": True}) == []
    forward = _compare(FORWARD | more | {"allow_partial_joints_goal": True}, **ARRAY)
    assert "not x" in forward[0].sentence, "bare numbers are always all"


@pytest.mark.parametrize(
    ("values", "mapping", "settings", "words"),
    [
        (FORWARD | {"joints": ARM[:5]}, JOINTS, ARRAY, "arm_6, which the planner commands"),
        (FORWARD | {"joints": [*ARM, "arm_7"]}, JOINTS, ARRAY, "not arm_7"),
        (FORWARD | {"joints": ARM[::-1]}, JOINTS, ARRAY, "in the order arm_6, arm_5"),
        (FORWARD | {"interface_name": "velocity"}, JOINTS, ARRAY, "interface_name is 'velocity'"),
        (FORWARD | {"interface_name": "effort"}, JOINTS, ARRAY, "interface_name is 'effort'"),
        (FORWARD | {"joints": [*ARM, "arm_1"]}, JOINTS, ARRAY, "names a joint twice"),
        (TRAJECTORY | {"joints": [*ARM, "arm_1"]}, JOINTS, {}, "names a joint twice"),
        (FORWARD, CARTESIAN, POSES, "takes joints"),
        ({"joints": ARM}, CARTESIAN, POSES, "takes joints"),
        ({"interface_name": "position"}, CARTESIAN, POSES, "takes joints"),
        ({"interface_names": ["position"]}, CARTESIAN, POSES, "a single joint"),
        ({"interface_names": ["position"]}, JOINTS, ARRAY, "a single joint"),
        (TRAJECTORY, CARTESIAN, {"type": "pose_stamped"}, "takes joints"),
        (TRAJECTORY | {"joints": [*ARM, "arm_7"]}, JOINTS, {}, "not arm_7"),
        ({"robot_base_link": "world"}, CARTESIAN, {"type": "pose_stamped"}, "is 'world'"),
        ({"base_frame": "world"}, CARTESIAN, {"type": "pose_stamped"}, "is 'world'"),
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
        (FORWARD | {"interface_name": "velocity"}, JOINTS, CLAIM, "keeps the last velocity"),
    ],
)
def test_a_controller_that_is_only_set_up_badly_is_warned_about(
    values: dict[str, Any], mapping: CommandMapping, settings: dict[str, Any], words: str
) -> None:
    (found,) = _compare(values, mapping, **settings)
    assert words in found.sentence
    assert not found.stops


@pytest.mark.parametrize(
    ("timeout", "settings", "words"),
    [
        (0.0, {}, "follows no command"),
        (-1.0, {}, "follows no command"),
        (5.0, {}, "longer than the 0.5 s"),
        (5.0, {"receiver_timeout": 0.1}, "longer than the 0.1 s"),
        (0.2, {"receiver_timeout": 0.1}, "longer than the 0.1 s"),
        (0.005, {"receiver_timeout": 0.1}, "shorter than two periods of the commands (0.04 s"),
        (0.1, {"receiver_timeout": 0.1, "rate": 10.0}, "shorter than two periods"),
        (0.1, {"receiver_timeout": 0.1}, ""),
        (0.05, {"receiver_timeout": 0.1}, ""),
    ],
)
def test_the_timeout_of_a_receiver_of_velocities_is_compared(
    timeout: float, settings: dict[str, Any], words: str
) -> None:
    values = SERVO | {"moveit_servo.incoming_command_timeout": timeout}
    found = _compare(values, CARTESIAN, type="twist_stamped", **settings)
    assert [words in mismatch.sentence for mismatch in found] == [True] * bool(words)
    assert not any(mismatch.stops for mismatch in found)


def test_names_without_bound_leave_the_sentence_short() -> None:
    names = [f"{'j' * 250}\n{i}" for i in range(1000)]
    for values in (FORWARD | {"joints": names}, FORWARD | {"interface_name": names[0]}):
        for found in _compare(values, **ARRAY):
            assert len(found.sentence) < MAX_SENTENCE
            assert found.sentence.isprintable()


def test_the_receiver_s_declared_order_is_compared_with_the_controller_s() -> None:
    reversed_ = FORWARD | {"joints": ARM[::-1]}
    assert _compare(reversed_, **ARRAY, receiver_joints=ARM[::-1]) == []


def test_servo_s_limit_of_rotation_counts_if_the_hand_turns() -> None:
    values = SERVO | {"moveit_servo.scale.rotational": 0.8}
    config = CommandsConfig(type="twist_stamped")
    for fastest, found in ((0.0, 0), (0.8, 0), (1.0, 1)):
        sender = Sender(config, (), "base", 0.5, max_angular_speed=fastest)
        problems = [m for m in compare(sender, values) if "scale.rotational is 0.8" in m.sentence]
        assert len(problems) == found
