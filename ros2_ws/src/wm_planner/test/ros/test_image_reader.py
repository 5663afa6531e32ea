"""Readers of images that could make Fast DDS hang are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rclpy.context import Context
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from wm_planner.ros import image_reader
from wm_planner.ros.image_reader import ImageReader, ImageReaderError, ImageSubscription
from wm_planner.ros.qos import sensor_data_qos

pytestmark = pytest.mark.dds
RELIABLE = QoSProfile(depth=1)


def _ignore(message: Image) -> None:
    """Take a message."""


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    return make_node("reader")


@pytest.mark.parametrize("first", [True, False])
def test_a_reliable_reader_is_the_only_one_of_its_topic(node: Node, first: bool) -> None:
    reader = ImageReader(node, "/rgb", reliable=first)
    with pytest.raises(ImageReaderError, match="this process reads /rgb already"):
        ImageReader(node, "/rgb", reliable=not first)
    ImageReader(node, "/other", reliable=True)
    reader.close()


def test_several_best_effort_readers_are_allowed(node: Node) -> None:
    subscriptions = [
        ImageSubscription(node, Image, "rgb", _ignore, sensor_data_qos()) for _ in range(2)
    ]
    assert len(node.get_subscriptions_info_by_topic("/rgb")) == 2
    for subscription in subscriptions:
        subscription.close()
    assert not node.get_subscriptions_info_by_topic("/rgb")


def test_a_reliable_reader_starts_only_some_time_after_the_last_one_ended(
    node: Node, clock_of: Callable[..., Any]
) -> None:
    clock = clock_of(image_reader)
    ImageSubscription(node, Image, "rgb", _ignore, RELIABLE).close()
    with pytest.raises(ImageReaderError, match="ended less than 1 s ago"):
        ImageSubscription(node, Image, "rgb", _ignore, RELIABLE)
    ImageSubscription(node, Image, "rgb", _ignore, sensor_data_qos()).close()
    clock.now += image_reader.REST
    ImageSubscription(node, Image, "rgb", _ignore, RELIABLE).close()


def test_a_subscription_that_cannot_be_made_leaves_no_reader(node: Node) -> None:
    with pytest.raises(RuntimeError, match="callback"):
        ImageSubscription(node, Image, "rgb", None, RELIABLE)  # no callback
    assert image_reader.why_not(node, "/rgb", reliable=False) == ""


def test_another_context_is_another_participant(node: Node) -> None:
    context = Context()
    context.init()
    try:
        other = Node("other", context=context)
        for each in (node, other):
            ImageReader(each, "/rgb", reliable=True)
    finally:
        context.try_shutdown()


def test_a_reader_that_is_closed_twice_ends_once(node: Node, clock_of: Callable[..., Any]) -> None:
    clock = clock_of(image_reader)
    reader = ImageReader(node, "/rgb", reliable=False)
    reader.close()
    reader.close()
    clock.now += image_reader.REST
    assert image_reader.why_not(node, "/rgb", reliable=True) == ""
