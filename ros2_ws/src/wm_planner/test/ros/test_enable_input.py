"""The operator's button is read with the time at which its messages arrived."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import Bool

from wm_planner.control.permission import Enabling
from wm_planner.ros.enable_input import EnableInput

TIMEOUT = 60.0  # [s]


class Button:
    """An input, and what it enables."""

    def __init__(self, node: Node) -> None:
        self.enabling = Enabling(TIMEOUT)
        self.input = EnableInput(node, self.enabling)

    def take(self, data: bool, age: float = 0.0) -> None:
        received = time.time_ns() - round(age * 1e9)
        info = {"publication_sequence_number": None, "received_timestamp": received}
        self.input._on_message(Bool(data=data), info)


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    return make_node("planner", namespace="/robot")


def test_a_false_disables_and_its_topic_is_named(node: Node) -> None:
    button = Button(node)
    for data, released in ((True, False), (False, True), (True, False), (False, True)):
        button.take(data)
        assert button.enabling.released is released
    assert "on /robot/enable was false" in button.enabling.why_not(time.monotonic())


def test_a_true_that_waited_to_be_read_counts_from_its_arrival(node: Node) -> None:
    button = Button(node)
    button.take(True)
    assert button.enabling.why_not(time.monotonic()) == ""
    button.take(True, age=2 * TIMEOUT)
    assert "has been silent for" in button.enabling.why_not(time.monotonic())


@pytest.mark.dds
def test_a_button_is_heard_whatever_its_reliability(
    node: Node,
    make_node: Callable[..., Node],
    executor: SingleThreadedExecutor,
    spin_until: Callable[..., None],
) -> None:
    button, sender = Button(node), make_node("button", namespace="/robot")
    publisher = sender.create_publisher(Bool, "enable", 1)
    executor.add_node(node)

    def enabled() -> bool:
        publisher.publish(Bool(data=True))
        return button.enabling.why_not(time.monotonic()) == ""

    spin_until(enabled)
    assert button.input.publishers.problem == ""
