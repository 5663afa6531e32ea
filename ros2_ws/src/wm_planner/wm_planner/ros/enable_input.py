"""The operator's button: true arrives on the topic ``enable`` while it is held."""

from __future__ import annotations

import time
from typing import Any

from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from std_msgs.msg import Bool

from wm_planner.control.permission import Enabling
from wm_planner.ros import log
from wm_planner.ros.publishers import PublisherWatch
from wm_planner.ros.qos import on_incompatible_publisher, sensor_data_qos
from wm_planner.ros.silence import Silence


class EnableInput:
    """Subscribes to the operator's button.

    Args:
        node: Carries the subscription.
        enabling: Takes the messages.

    Attributes:
        publishers: Notices a second publisher.
    """

    def __init__(self, node: Node, enabling: Enabling) -> None:
        self._node, self._enabling = node, enabling
        self._subscription = node.create_subscription(
            Bool,
            "enable",
            self._on_message,
            sensor_data_qos(),
            event_callbacks=on_incompatible_publisher(
                lambda: enabling.topic, lambda problem: log.warning(node, problem)
            ),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        enabling.topic = self._subscription.topic_name
        self.publishers = PublisherWatch(node, enabling.topic)
        enabling.why_silent = Silence(node, enabling.topic, Bool).why

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def _on_message(self, message: Bool, info: dict[str, Any]) -> None:
        self.publishers.heard(info)
        self._enabling.take(message.data, time.monotonic() - _waited(info))


def _waited(info: dict[str, Any]) -> float:
    """Return how long a message waited to be read [s]; 0 if the middleware does not tell.

    After a delay of the node, a button that has been released must not seem pressed.
    """
    received = info.get("received_timestamp") or 0  # [ns] of the system clock
    return max((time.time_ns() - received) * 1e-9, 0.0) if received else 0.0
