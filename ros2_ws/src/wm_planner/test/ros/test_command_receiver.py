"""The node that reads the commands is the controller that told what it takes, or no goal begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter

from wm_planner.config import CommandsConfig
from wm_planner.models.spec import CommandMapping
from wm_planner.ros.command_messages import CommandMessages
from wm_planner.ros.command_output import CommandOutput

CARTESIAN = CommandMapping("relative", ["dx", "dy", "dz"])
JOINTS = CommandMapping("relative", ["dx", "dy", "dz"], ["a", "b", "c"])
SPEED = 0.5  # [m/s]
FORWARD = {"type": "float64_multi_array", "space": "joints", "controller": "forward"}


def test_without_its_joints_a_receiver_of_bare_numbers_gets_no_goal(nodes: Any) -> None:
    config = CommandsConfig(**FORWARD)
    output = CommandOutput(nodes[0], config, JOINTS.joints, "base", SPEED)
    output.watch()
    assert "has not told its joints" in output.refuses
    assert output.refuses in output.problems
    output.close()
    declared = CommandsConfig(**FORWARD, receiver_joints=["c", "b", "a"])
    assert CommandOutput(nodes[0], declared, JOINTS.joints, "base", SPEED).refuses == ""


@pytest.mark.parametrize(
    ("joints", "stops"),
    [(["a", "b", "c"], ""), (["c", "b", "a"], "in the order c, b, a"), (["a", "b"], "2 joints")],
)
def test_a_running_controller_is_asked_for_its_joints(
    nodes: Any, make_node: Callable[..., Node], executor: Any, joints: list[str], stops: str
) -> None:
    planner, arm, until = nodes
    output = CommandOutput(planner, CommandsConfig(**FORWARD), JOINTS.joints, "base", SPEED)
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
    output = CommandOutput(planner, CommandsConfig(**FORWARD), JOINTS.joints, "base", SPEED)
    executor.add_node(make_node("forward", namespace=arm.get_namespace()))
    until(lambda: output.watch() or output._controller.answered)
    assert "has not told its joints" in output.refuses
    output.close()


def test_a_controller_that_was_started_again_is_asked_again(
    nodes: Any, make_node: Callable[..., Node], executor: Any
) -> None:
    planner, arm, until = nodes
    output = CommandOutput(planner, CommandsConfig(**FORWARD), JOINTS.joints, "base", SPEED)
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
    "joint_trajectory": (JOINTS, {}),  # a receiver checks its names, so it is only warned about
}


@pytest.mark.parametrize("type", READERS)
def test_commands_that_another_node_reads_than_the_asked_controller_stop(
    nodes: Any, make_node: Callable[..., Node], executor: Any, type: str
) -> None:
    planner, arm, until = nodes
    mapping, settings = READERS[type]
    config = CommandsConfig(type=type, controller="forward", topic="left/commands", **settings)
    output = CommandOutput(planner, config, mapping.joints, "base", SPEED)
    message = CommandMessages(config, mapping.joints, "base").type
    controller = make_node("forward", namespace=arm.get_namespace())  # it reads another topic
    executor.add_node(controller)
    assert output.wrong_receiver == "", "nobody reads the commands yet"
    arm.create_subscription(message, "left/commands", lambda m: None, 1)
    until(lambda: output.wrong_receiver.count("/arm does") == 1)
    space = arm.get_namespace()
    for words in (f"commands.controller is {space}/forward,", f"{space}/left/commands; {space}"):
        assert words in output.wrong_receiver
    stops = "" if type == "joint_trajectory" else output.wrong_receiver
    assert output.stops == output.refuses == stops
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
    output = CommandOutput(planner, CommandsConfig(**settings), CARTESIAN.joints, "base", SPEED)
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
    output = CommandOutput(planner, config, CARTESIAN.joints, "base", SPEED)
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
    output = CommandOutput(planner, config, CARTESIAN.joints, "base", SPEED)
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
    output = CommandOutput(planner, CommandsConfig(**FORWARD), JOINTS.joints, "base", SPEED)
    controller = make_node("forward", namespace=arm.get_namespace())
    controller.declare_parameter("joints", ["a", "b", "c"])
    executor.add_node(controller)
    until(lambda: output.watch() or not output.refuses)
    controller.set_parameters([Parameter("joints", value=["c", "b", "a"])])
    controller.create_subscription(output._messages.type, "command", lambda m: None, 1)
    until(lambda: output.watch() or "in the order c, b, a" in output.stops)
    output.close()
