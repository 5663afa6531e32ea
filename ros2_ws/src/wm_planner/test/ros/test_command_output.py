"""Commands and stops of every type arrive over DDS as their controllers need them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
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
    return CommandMessages(CommandsConfig(**settings), mapping, "base").write(command, STAMP)


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


@pytest.fixture
def nodes(
    make_node: Callable[..., Node],
    executor: SingleThreadedExecutor,
    spin_until: Callable[..., None],
) -> tuple[Node, Node, Callable[..., None]]:
    """Return the nodes of a planner and an arm, and a function that spins them."""
    space = f"/commands_{os.getpid()}"
    planner, arm = (make_node(name, namespace=space) for name in ("planner", "arm"))
    executor.add_node(planner)
    executor.add_node(arm)
    return planner, arm, spin_until


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
    output = CommandOutput(planner, config, mapping, "base", SPEED)
    messages = CommandMessages(config, mapping, "base")
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
    output = CommandOutput(planner, CommandsConfig(), CARTESIAN, "base", SPEED)
    until(lambda: planner.count_publishers("command") == 1)
    assert output.stops == ""
    messages = CommandMessages(CommandsConfig(), CARTESIAN, "base")
    arm.create_publisher(messages.type, "command", 1)
    until(lambda: output.stops != "")
    assert "/arm also publishes on" in output.stops
    assert output.refuses == output.stops


def test_another_publisher_may_only_cause_a_warning(nodes: Any) -> None:
    planner, arm, until = nodes
    output = CommandOutput(
        planner, CommandsConfig(other_publisher="warn"), CARTESIAN, "base", SPEED
    )
    arm.create_publisher(CommandMessages(CommandsConfig(), CARTESIAN, "base").type, "command", 1)
    until(lambda: output.other_publisher != "")
    assert (output.stops, output.refuses) == ("", "")
    assert output.other_publisher in output.problems


@pytest.mark.parametrize("no_subscriber", ["warn", "refuse"])
def test_a_missing_subscriber_is_reported_and_may_reject_goals(
    nodes: Any, no_subscriber: str
) -> None:
    config = CommandsConfig(no_subscriber=no_subscriber)
    output = CommandOutput(nodes[0], config, CARTESIAN, "base", SPEED)
    assert "nobody subscribes to" in output.problems[0]
    assert output.refuses == (output.problems[0] if no_subscriber == "refuse" else "")
    assert output.stops == "", "a goal under way goes on"


def test_an_incompatible_subscription_is_reported(nodes: Any) -> None:
    planner, arm, until = nodes
    output = CommandOutput(planner, CommandsConfig(), CARTESIAN, "base", SPEED)
    qos = QoSProfile(depth=1, deadline=Duration(seconds=0.01))
    messages = CommandMessages(CommandsConfig(), CARTESIAN, "base")
    arm.create_subscription(messages.type, "command", lambda m: None, qos)
    until(lambda: any("incompatible QoS" in text for text in output.problems))


FORWARD = {"type": "float64_multi_array", "space": "joints", "controller": "forward"}


def test_without_its_joints_a_receiver_of_bare_numbers_gets_no_goal(nodes: Any) -> None:
    config = CommandsConfig(**FORWARD)
    output = CommandOutput(nodes[0], config, JOINTS, "base", SPEED)
    output.watch()
    assert "has not told its joints" in output.refuses
    assert output.refuses in output.problems
    output.close()
    declared = CommandsConfig(**FORWARD, receiver_joints=["c", "b", "a"])
    assert CommandOutput(nodes[0], declared, JOINTS, "base", SPEED).refuses == ""


@pytest.mark.parametrize(
    ("joints", "stops"),
    [(["a", "b", "c"], ""), (["c", "b", "a"], "in the order c, b, a"), (["a", "b"], "2 joints")],
)
def test_a_running_controller_is_asked_for_its_joints(
    nodes: Any, make_node: Callable[..., Node], executor: Any, joints: list[str], stops: str
) -> None:
    planner, arm, until = nodes
    output = CommandOutput(planner, CommandsConfig(**FORWARD), JOINTS, "base", SPEED)
    controller = make_node("forward", namespace=arm.get_namespace())
    controller.declare_parameter("joints", joints)
    controller.declare_parameter("interface_name", "position")
    executor.add_node(controller)
    until(lambda: output.watch() or not output.refuses or bool(output.stops))
    assert stops in output.stops
    assert output.stops == output.refuses
    assert not stops or output.stops in output.problems
    output.close()


def test_a_node_that_takes_no_joints_does_not_count_as_the_controller(
    nodes: Any, make_node: Callable[..., Node], executor: Any
) -> None:
    planner, arm, until = nodes
    output = CommandOutput(planner, CommandsConfig(**FORWARD), JOINTS, "base", SPEED)
    executor.add_node(make_node("forward", namespace=arm.get_namespace()))
    until(lambda: output.watch() or output._controller.answered)
    assert "has not told its joints" in output.refuses
    output.close()


def test_a_controller_that_was_started_again_is_asked_again(
    nodes: Any, make_node: Callable[..., Node], executor: Any
) -> None:
    planner, arm, until = nodes
    output = CommandOutput(planner, CommandsConfig(**FORWARD), JOINTS, "base", SPEED)
    for joints in (["a", "b"], ["a", "b", "c"]):
        controller = make_node("forward", namespace=arm.get_namespace())
        controller.declare_parameter("joints", joints)
        executor.add_node(controller)
        fits = len(joints) == 3
        until(lambda fits=fits: output.watch() or (not output.refuses if fits else output.stops))
        executor.remove_node(controller)
        controller.destroy_node()
        until(lambda: output.watch() or "has not told" in output.refuses)
    output.close()


READERS = {
    "float64_multi_array": (JOINTS, {"space": "joints", "receiver_joints": ["a", "b", "c"]}),
    "pose_stamped": (CARTESIAN, {}),
    "twist_stamped": (CARTESIAN, {"receiver_timeout": 0.1}),
    "joint_trajectory": (JOINTS, {}),
}


@pytest.mark.parametrize("type", READERS)
def test_commands_that_another_node_reads_than_the_asked_controller_stop(
    nodes: Any, make_node: Callable[..., Node], executor: Any, type: str
) -> None:
    planner, arm, until = nodes
    mapping, settings = READERS[type]
    config = CommandsConfig(type=type, controller="forward", topic="left/commands", **settings)
    output = CommandOutput(planner, config, mapping, "base", SPEED)
    message = CommandMessages(config, mapping, "base").type
    controller = make_node("forward", namespace=arm.get_namespace())  # it reads another topic
    executor.add_node(controller)
    assert output.wrong_receiver == "", "nobody reads the commands yet"
    arm.create_subscription(message, "left/commands", lambda m: None, 1)
    until(lambda: output.wrong_receiver.count("/arm does") == 1)
    space = arm.get_namespace()
    for words in (f"commands.controller is {space}/forward,", f"{space}/left/commands; {space}"):
        assert words in output.wrong_receiver
    assert output.stops == output.refuses == output.wrong_receiver
    assert output.wrong_receiver in output.problems
    controller.create_subscription(message, "left/commands", lambda m: None, 1)
    until(lambda: output.wrong_receiver == "")  # the other one may be a recorder
    output.close()


@pytest.mark.parametrize(
    "settings", [{"controller": ""}, {"controller": "forward", "shadow": True}]
)
def test_without_a_controller_to_ask_any_node_may_read_the_commands(
    nodes: Any, settings: dict[str, Any]
) -> None:
    planner, arm, until = nodes
    output = CommandOutput(planner, CommandsConfig(**settings), CARTESIAN, "base", SPEED)
    topic, message = output._publisher.topic_name, output._messages.type
    arm.create_subscription(message, topic, lambda m: None, 1)
    until(lambda: planner.count_subscribers(topic) == 1)
    assert output.wrong_receiver == output.stops == output.refuses == ""
    output.close()


def test_a_tool_that_shows_the_commands_is_no_receiver(
    nodes: Any, make_node: Callable[..., Node], executor: Any
) -> None:
    planner, arm, until = nodes
    config = CommandsConfig(controller="forward")
    output = CommandOutput(planner, config, CARTESIAN, "base", SPEED)
    tool = make_node("_ros2cli_123", namespace=arm.get_namespace())
    tool.create_subscription(output._messages.type, "command", lambda m: None, 1)
    executor.add_node(tool)
    readers = planner.get_subscriptions_info_by_topic
    until(lambda: [r.node_name for r in readers("command")] == ["_ros2cli_123"])
    assert output.wrong_receiver == output.refuses == ""
    output.close()


@pytest.mark.parametrize("joints", [[], ["a", "b", "c"]])
def test_bare_cartesian_numbers_need_a_controller_that_takes_no_joints(
    nodes: Any, make_node: Callable[..., Node], executor: Any, joints: list[str]
) -> None:
    planner, arm, until = nodes
    config = CommandsConfig(**FORWARD | {"space": "cartesian"})
    output = CommandOutput(planner, config, CARTESIAN, "base", SPEED)
    output.watch()
    assert "has not told that it takes no joints" in output.refuses
    assert output.refuses in output.problems
    controller = make_node("forward", namespace=arm.get_namespace())
    if joints:
        controller.declare_parameter("joints", joints)
    executor.add_node(controller)
    until(lambda: output.watch() or output._controller.answered)
    assert ("it takes joints" in output.refuses) is bool(joints)
    assert output.stops == output.refuses
    output.close()


def test_a_controller_of_the_same_name_that_reads_anew_is_asked_again(
    nodes: Any, make_node: Callable[..., Node], executor: Any
) -> None:
    planner, arm, until = nodes
    output = CommandOutput(planner, CommandsConfig(**FORWARD), JOINTS, "base", SPEED)
    controller = make_node("forward", namespace=arm.get_namespace())
    controller.declare_parameter("joints", ["a", "b", "c"])
    executor.add_node(controller)
    until(lambda: output.watch() or not output.refuses)
    controller.set_parameters([Parameter("joints", value=["c", "b", "a"])])
    controller.create_subscription(output._messages.type, "command", lambda m: None, 1)
    until(lambda: output.watch() or "in the order c, b, a" in output.stops)
    output.close()
