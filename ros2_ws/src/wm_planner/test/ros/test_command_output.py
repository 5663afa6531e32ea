"""Commands and stops of every type arrive over DDS as their controllers need them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from rclpy.duration import Duration
from rclpy.qos import QoSProfile

from wm_planner.command_types import COMMAND_TYPES
from wm_planner.config import CommandsConfig
from wm_planner.models.spec import CommandMapping
from wm_planner.ros.command_messages import CommandMessages
from wm_planner.ros.command_output import CommandOutput
from wm_planner.types import Command

CARTESIAN = CommandMapping("relative", ["dx", "dy", "dz"])
JOINTS = CommandMapping("relative", ["dx", "dy", "dz"], ["a", "b", "c"])
DOWN = np.array([1.0, 0.0, 0.0, 0.0])
MOVING = Command(np.array([0.1, 0.2, 0.3]), np.array([0.4, 0.5, 0.6]), DOWN)
STOP = Command(np.array([0.1, 0.2, 0.3]), np.zeros(3), DOWN, stop=True)
STAMP = Time(sec=7, nanosec=8)
SPEED = 0.5  # [m/s]


def _write(command: Command, mapping: CommandMapping, **settings: Any) -> Any:
    return CommandMessages(CommandsConfig(**settings), mapping.joints, "base").write(command, STAMP)


@pytest.mark.parametrize("command", [MOVING, STOP])
def test_a_pose_has_the_position_and_stops_at_it(command: Command) -> None:
    message = _write(command, CARTESIAN)
    p, q = message.pose.position, message.pose.orientation
    assert (p.x, p.y, p.z, q.x, q.y, q.z, q.w) == (0.1, 0.2, 0.3, 1, 0, 0, 0)
    assert (message.header.frame_id, message.header.stamp) == ("base", STAMP)


def test_a_twist_has_the_velocity_and_stops_with_zeros() -> None:
    message = _write(MOVING, CARTESIAN, type="twist_stamped")
    v, w = message.twist.linear, message.twist.angular
    assert (v.x, v.y, v.z, w.x, w.y, w.z) == (0.4, 0.5, 0.6, 0, 0, 0)
    assert (message.header.frame_id, message.header.stamp) == ("base", STAMP)
    v = _write(STOP, CARTESIAN, type="twist_stamped").twist.linear
    assert (v.x, v.y, v.z) == (0, 0, 0)


def test_a_twist_has_the_angular_velocity() -> None:
    turning = replace(MOVING, angular_velocity=np.array([0.7, 0.8, 0.9]))
    w = _write(turning, CARTESIAN, type="twist_stamped").twist.angular
    assert (w.x, w.y, w.z) == (0.7, 0.8, 0.9)


def test_another_frame_id_can_be_given() -> None:
    assert _write(MOVING, CARTESIAN, frame="link_0").header.frame_id == "link_0"


def test_a_joint_state_has_only_the_commanded_array() -> None:
    message = _write(MOVING, JOINTS, type="joint_state")
    assert (message.name, list(message.position)) == (["a", "b", "c"], [0.1, 0.2, 0.3])
    assert (list(message.velocity), list(message.effort)) == ([], [])
    message = _write(STOP, JOINTS, type="joint_state", interface="velocity")
    assert (list(message.velocity), list(message.position)) == ([0, 0, 0], [])


def test_a_trajectory_starts_on_arrival_and_never_ends_with_a_velocity() -> None:
    message = _write(MOVING, JOINTS, type="joint_trajectory", trajectory_time=0.05)
    (point,) = message.points
    assert message.joint_names == ["a", "b", "c"]
    assert message.header.stamp == Time()
    assert (list(point.positions), list(point.velocities)) == ([0.1, 0.2, 0.3], [])
    assert (point.time_from_start.sec, point.time_from_start.nanosec) == (0, 50_000_000)
    (point,) = _write(STOP, JOINTS, type="joint_trajectory").points
    assert (list(point.positions), list(point.velocities)) == ([0.1, 0.2, 0.3], [0, 0, 0])


@pytest.mark.parametrize(
    ("mapping", "interface", "command", "numbers"),
    [
        (JOINTS, "position", STOP, [0.1, 0.2, 0.3]),
        (JOINTS, "velocity", MOVING, [0.4, 0.5, 0.6]),
        (JOINTS, "velocity", STOP, [0, 0, 0]),
        (CARTESIAN, "position", MOVING, [0.1, 0.2, 0.3, 1, 0, 0, 0]),
        (CARTESIAN, "velocity", MOVING, [0.4, 0.5, 0.6, 0, 0, 0]),
    ],
)
def test_an_array_has_positions_or_velocities(
    mapping: CommandMapping, interface: str, command: Command, numbers: list[float]
) -> None:
    message = _write(command, mapping, type="float64_multi_array", interface=interface)
    assert list(message.data) == numbers


def test_an_array_has_the_receiver_s_order() -> None:
    message = _write(MOVING, JOINTS, type="float64_multi_array", receiver_joints=["c", "a", "b"])
    assert list(message.data) == [0.3, 0.1, 0.2]


@pytest.mark.parametrize(
    ("type", "mapping"),
    [
        ("pose_stamped", CARTESIAN),
        ("twist_stamped", CARTESIAN),
        ("float64_multi_array", CARTESIAN),
        ("joint_state", JOINTS),
        ("joint_trajectory", JOINTS),
    ],
)
def test_every_type_arrives_over_dds(
    nodes: Any, matched: Callable[..., bool], type: str, mapping: CommandMapping
) -> None:
    planner, arm, until = nodes
    space = "cartesian" if COMMAND_TYPES[type].anonymous else ""
    config = CommandsConfig(type=type, space=space, receiver_timeout=0.1)
    output = CommandOutput(planner, config, mapping.joints, "base", SPEED)
    messages = CommandMessages(config, mapping.joints, "base")
    received: list[Any] = []
    arm.create_subscription(messages.type, "command", received.append, 10)
    until(lambda: not output.no_subscriber, lambda: output.problems)
    until(lambda: planner.count_publishers("command") == 1)
    assert output.problems == []
    until(lambda: matched(planner, arm))
    output.publish(MOVING)
    until(lambda: len(received) == 1)
    output.publish(STOP)
    until(lambda: len(received) == 2)
    for message, command in zip(received, (MOVING, STOP), strict=True):
        expected = messages.write(command, STAMP)
        if hasattr(message, "header") and type != "joint_trajectory":
            assert message.header.stamp != Time()
            message.header.stamp = STAMP
        assert message == expected
    output.close()


def test_another_publisher_is_named_and_ends_the_goal(nodes: Any) -> None:
    planner, arm, until = nodes
    output = CommandOutput(planner, CommandsConfig(), CARTESIAN.joints, "base", SPEED)
    until(lambda: planner.count_publishers("command") == 1)
    assert output.stops == ""
    messages = CommandMessages(CommandsConfig(), CARTESIAN.joints, "base")
    arm.create_publisher(messages.type, "command", 1)
    until(lambda: output.stops != "")
    assert "/arm also publishes on" in output.stops
    assert output.refuses == output.stops


def test_another_publisher_may_only_cause_a_warning(nodes: Any) -> None:
    planner, arm, until = nodes
    output = CommandOutput(
        planner, CommandsConfig(other_publisher="warn"), CARTESIAN.joints, "base", SPEED
    )
    arm.create_publisher(PoseStamped, "command", 1)
    until(lambda: output.other_publisher != "")
    assert (output.stops, output.refuses) == ("", "")
    assert output.other_publisher in output.problems


@pytest.mark.parametrize("no_subscriber", ["warn", "refuse"])
def test_a_missing_subscriber_is_reported_and_may_reject_goals(
    nodes: Any, no_subscriber: str
) -> None:
    config = CommandsConfig(no_subscriber=no_subscriber)
    output = CommandOutput(nodes[0], config, CARTESIAN.joints, "base", SPEED)
    assert "nobody subscribes to" in output.problems[0]
    assert output.refuses == (output.problems[0] if no_subscriber == "refuse" else "")
    assert output.stops == "", "a goal under way goes on"


def test_an_incompatible_subscription_is_reported(nodes: Any) -> None:
    planner, arm, until = nodes
    output = CommandOutput(planner, CommandsConfig(), CARTESIAN.joints, "base", SPEED)
    qos = QoSProfile(depth=1, deadline=Duration(seconds=0.01))
    messages = CommandMessages(CommandsConfig(), CARTESIAN.joints, "base")
    arm.create_subscription(messages.type, "command", lambda m: None, qos)
    until(lambda: any("incompatible QoS" in text for text in output.problems))
