"""Subscriptions to images that cannot make Fast DDS hang.

Fast DDS can loop forever in ``take`` of a reliable reader that starts while an image is on its way
to another reader of the same process, or to one that has just ended (docs/how-to/middleware.md).
All code of this project reads image topics through this module, which prevents that state:
a process that reads a topic reliably has no other reader of it, and a reliable reader starts only
``REST`` seconds after the previous reader ended. Readers are counted for each context (one DDS
participant); our processes have one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from rclpy.context import Context
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

REST = 1.0  # [s] between the end of a reader and the start of a reliable one


class ImageReaderError(RuntimeError):
    """A reader of images cannot start now; the message says why."""


@dataclass
class _Topic:
    """The readers of one topic in this process."""

    reliable: int = 0
    best_effort: int = 0
    ended: float = -math.inf  # [s, steady clock] when the last one ended


_topics: WeakKeyDictionary[Context, dict[str, _Topic]] = WeakKeyDictionary()


class ImageReader:
    """Records that a node reads a topic, until ``close``.

    Use it for a reader that this module does not create itself, such as the client of a service
    whose response holds an image.

    Args:
        node: The node that reads.
        topic: The full name of the topic or service.
        reliable: Whether the reader requests reliable delivery.

    Raises:
        ImageReaderError: Another reader of the topic in this process does not allow it.
    """

    def __init__(self, node: Node, topic: str, *, reliable: bool) -> None:
        if obstacle := why_not(node, topic, reliable=reliable):
            raise ImageReaderError(obstacle)
        self._topic, self._reliable, self._open = _topic(node, topic), reliable, True
        self._count(1)

    def close(self) -> None:
        """Record that the reader has ended; a second call does nothing."""
        if not self._open:
            return
        self._open = False
        self._count(-1)
        self._topic.ended = time.monotonic()

    def _count(self, change: int) -> None:
        if self._reliable:
            self._topic.reliable += change
        else:
            self._topic.best_effort += change


class ImageSubscription:
    """A subscription to a topic with images.

    Args:
        node: Carries the subscription.
        kind: ``sensor_msgs.msg.Image`` or ``CompressedImage``.
        name: The topic, before remapping.
        callback: Called with each message, and its info if it takes a second argument.
        qos: Quality of service.
        event_callbacks: Of the subscription.

    Raises:
        ImageReaderError: Another reader of the topic in this process does not allow it.
    """

    def __init__(
        self,
        node: Node,
        kind: type,
        name: str,
        callback: Callable[..., Any],
        qos: QoSProfile,
        event_callbacks: SubscriptionEventCallbacks | None = None,
    ) -> None:
        reliable = qos.reliability != ReliabilityPolicy.BEST_EFFORT
        self._node = node
        self._reader = ImageReader(node, node.resolve_topic_name(name), reliable=reliable)
        try:
            self._subscription = node.create_subscription(
                kind, name, callback, qos, event_callbacks=event_callbacks
            )
        except BaseException:
            self._reader.close()
            raise

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)
        self._reader.close()


def why_not(node: Node, topic: str, *, reliable: bool) -> str:
    """Return why a reader of a topic cannot start now, or an empty string.

    Args:
        node: The node that would read.
        topic: The full name of the topic.
        reliable: Whether the reader would request reliable delivery.
    """
    readers = _topic(node, topic)
    if readers.reliable or (reliable and readers.best_effort):
        return (
            f"this process reads {topic} already, and a reliable reader of images must be the only "
            "one in its process, or Fast DDS can hang: share its images, or use best effort for all"
        )
    if reliable and time.monotonic() - readers.ended < REST:
        return (
            f"a reader of {topic} ended less than {REST:g} s ago: a reliable one may start only "
            "after that time"
        )
    return ""


def _topic(node: Node, topic: str) -> _Topic:
    return _topics.setdefault(node.context, {}).setdefault(topic, _Topic())
