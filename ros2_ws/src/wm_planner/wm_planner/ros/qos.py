"""Quality of service: a profile, and reports of incompatible publishers and subscriptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.qos import (
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
)


def sensor_data_qos() -> QoSProfile:
    """Return a new profile for sensor data: best effort, the last five messages.

    Do not use rclpy's ``qos_profile_sensor_data`` instead: the whole process shares it, and rclpy
    writes the ``qos_overrides`` of a topic into the profile that it is given.
    """
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.BEST_EFFORT
    )


def _sentence(topic: str, event: Any, *, other: str, what: str) -> str:
    policy = qos_policy_name_from_kind(event.last_policy_kind)
    return (
        f"{topic}: {other} has an incompatible QoS policy ({policy.lower()}), so that nothing "
        f"{what}: make both ends agree"
    )


def on_incompatible_publisher(
    topic: Callable[[], str], report: Callable[[str], None]
) -> SubscriptionEventCallbacks:
    """Return callbacks of a subscription that report a publisher whose QoS does not match.

    Args:
        topic: Returns the full name of the topic.
        report: Called with a sentence.
    """
    return SubscriptionEventCallbacks(
        incompatible_qos=lambda event: report(
            _sentence(topic(), event, other="a publisher", what="arrives from it")
        )
    )


def on_incompatible_subscription(
    topic: Callable[[], str], report: Callable[[str], None]
) -> PublisherEventCallbacks:
    """Return callbacks of a publisher that report a subscription whose QoS does not match."""
    return PublisherEventCallbacks(
        incompatible_qos=lambda event: report(
            _sentence(topic(), event, other="a subscription", what="reaches it")
        )
    )
