"""Wrench and efforts stop the arm in their own callbacks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from geometry_msgs.msg import Vector3, Wrench, WrenchStamped
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from wm_planner.config import SafetyConfig
from wm_planner.control.permission import ContactStop
from wm_planner.message_limits import MAX_LIST
from wm_planner.ros.contact_inputs import ContactInputs

INFO = {"publication_sequence_number": None}


class Sensors:
    """The inputs of a contact stop, and why they stopped the arm."""

    def __init__(self, node: Node, joints: list[str], **settings: Any) -> None:
        self.now = node.get_clock().now()
        self.stops: list[str] = []
        self.contact = ContactStop(SafetyConfig(**settings), joints)
        self.inputs = ContactInputs(node, self.contact, 0.5, self.stops.append)

    def wrench(self, force: float, torque: float = 0.0, age: float = 0.0) -> None:
        stamp = (self.now - Duration(seconds=age)).to_msg()
        wrench = Wrench(force=Vector3(x=force), torque=Vector3(z=torque))
        self.inputs._on_wrench(WrenchStamped(header=Header(stamp=stamp), wrench=wrench), INFO)

    def joints(self, names: list[str], effort: list[float]) -> None:
        self.inputs._on_joints(JointState(name=names, effort=effort), INFO)

    @property
    def problem(self) -> str:
        return self.contact.problem(time.monotonic())


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    return make_node("planner", namespace="/robot")


def test_what_is_not_watched_is_not_subscribed(node: Node) -> None:
    sensors = Sensors(node, ["a"])
    assert list(node.subscriptions) == []
    assert sensors.inputs.publishers == {}


def test_a_force_stops_the_arm_in_the_callback_and_names_the_topic(node: Node) -> None:
    sensors = Sensors(node, [], max_force=10.0)
    sensors.wrench(9.0)
    assert (sensors.stops, sensors.problem) == ([], "")
    sensors.wrench(-11.0)
    assert sensors.stops[0].startswith("the force on /robot/wrench is 11.0 N, more than safety.")
    sensors.wrench(math.nan)
    assert "not finite" in sensors.stops[1]


@pytest.mark.parametrize(
    ("age", "words"), [(1.0, "old when it arrives; at most 0.50 s"), (-9.0, "in the future")]
)
def test_a_wrench_of_another_time_is_no_data(node: Node, age: float, words: str) -> None:
    sensors = Sensors(node, [], max_torque=1.0)
    sensors.wrench(0.0, age=age)
    assert "no usable wrench on /robot/wrench yet" in sensors.problem
    assert words in sensors.inputs.problems[0]
    sensors.wrench(0.0)
    assert (sensors.problem, sensors.inputs.problems) == ("", [])


def test_an_effort_stops_the_arm_and_those_that_are_missing_are_no_data(node: Node) -> None:
    sensors = Sensors(node, ["a", "b"], max_effort=5.0)
    sensors.joints(["gripper"], [70.0])
    sensors.joints(["b", "a"], [1.0])  # fewer efforts than names
    assert "no usable effort of a on /robot/joint_states yet" in sensors.problem
    sensors.joints(["b", "a"], [1.0, 2.0])
    assert (sensors.stops, sensors.problem) == ([], "")
    sensors.joints(["gripper", "a"], [70.0, -6.0])
    assert "the effort of a on /robot/joint_states is 6.0 N m" in sensors.stops[0]


def test_a_message_with_too_many_joints_is_dropped(node: Node) -> None:
    sensors = Sensors(node, ["a"], max_effort=5.0)
    names = ["a", *map(str, range(MAX_LIST))]
    sensors.joints(names, [9.0] * len(names))
    assert sensors.stops == []
    assert "1001 names" in sensors.inputs.problems[0]
