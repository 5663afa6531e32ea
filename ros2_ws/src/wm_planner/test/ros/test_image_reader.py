"""A process reads an image topic in no way that can hang Fast DDS."""

from __future__ import annotations

from collections.abc import Iterator

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
def node() -> Iterator[Node]:
    context = Context()
    context.init()
    node = Node("reader", context=context)
    yield node
    node.destroy_node()
    context.shutdown()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The steady clock of the module [s], set by the test."""
    now = [100.0]
    monkeypatch.setattr(image_reader.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("first", [True, False])
def test_a_reliable_reader_is_the_only_one_of_its_topic(node: Node, first: bool) -> None:
    reader = ImageReader(node, "/rgb", reliable=first)
    with pytest.raises(ImageReaderError, match="this process reads /rgb already"):
        ImageReader(node, "/rgb", reliable=not first)
    ImageReader(node, "/other", reliable=True)
    reader.close()


def test_readers_of_best_effort_may_be_several(node: Node) -> None:
    subscriptions = [
        ImageSubscription(node, Image, "rgb", _ignore, sensor_data_qos()) for _ in range(2)
    ]
    assert len(node.get_subscriptions_info_by_topic("/rgb")) == 2
    for subscription in subscriptions:
        subscription.close()
    assert not node.get_subscriptions_info_by_topic("/rgb")


def test_a_reliable_reader_begins_a_while_after_the_last_one_ended(
    node: Node, clock: list[float]
) -> None:
    ImageSubscription(node, Image, "rgb", _ignore, RELIABLE).close()
    with pytest.raises(ImageReaderError, match="ended less than 1 s ago"):
        ImageSubscription(node, Image, "rgb", _ignore, RELIABLE)
    ImageSubscription(node, Image, "rgb", _ignore, sensor_data_qos()).close()
    clock[0] += image_reader.REST
    ImageSubscription(node, Image, "rgb", _ignore, RELIABLE).close()


def test_a_subscription_that_cannot_be_made_leaves_no_reader(node: Node) -> None:
    with pytest.raises(RuntimeError, match="callback"):
        ImageSubscription(node, Image, "rgb", None, RELIABLE)  # no callback
    assert image_reader.why_not(node, "/rgb", reliable=False) == ""


def test_another_context_is_another_participant(node: Node) -> None:
    context = Context()
    context.init()
    other = Node("other", context=context)
    readers = [ImageReader(each, "/rgb", reliable=True) for each in (node, other)]
    for reader in readers:
        reader.close()
    other.destroy_node()
    context.shutdown()
