"""The measured width of the gripper."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import JointState

from wm_planner.config import GripperConfig
from wm_planner.ros.commanded_joints import TOPIC, numbers_of_joints, too_many_joints
from wm_planner.ros.problem_log import ProblemLog
from wm_planner.ros.publishers import PublisherWatch
from wm_planner.ros.qos import on_incompatible_publisher, sensor_data_qos

WIDEST = 1.0  # [m] no gripper opens further


class GripperInput:
    """Subscribes to ``joint_states``, and finds the width by the joints of the fingers.

    Args:
        node: Carries the subscription.
        config: The joints, and their positions per width.
        on_width: Called with every measured width [m], the mean of the fingers', and when it
            arrived [s, steady clock].

    Attributes:
        publishers: Notices a second publisher of a finger.
    """

    def __init__(
        self, node: Node, config: GripperConfig, on_width: Callable[[float, float], None]
    ) -> None:
        self._node, self._config, self._on_width = node, config, on_width
        self._problem = ProblemLog(node, "no measured width of the gripper")
        self._subscription = node.create_subscription(
            JointState,
            TOPIC,
            self._on_message,
            sensor_data_qos(),
            event_callbacks=on_incompatible_publisher(lambda: TOPIC, self._problem.report_lasting),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        name = self._subscription.topic_name
        self.publishers = PublisherWatch(node, name, shared=True)

    @property
    def problem(self) -> str:
        """What is wrong with the last message, or an empty string."""
        return self._problem.text

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def _on_message(self, message: JointState, info: dict[str, Any]) -> None:
        try:
            width = measured_width(message, self._config)
        except ValueError as error:
            self._problem.report(str(error))
            return
        if width is None:
            return  # the message is about the arm
        self.publishers.heard(info, self._config.joints)
        self._problem.report("")
        self._on_width(width, time.monotonic())


def measured_width(message: JointState, config: GripperConfig) -> float | None:
    """Return the width of the gripper by a message [m]; None if it lacks a joint.

    Raises:
        ValueError: The message cannot be used.
    """
    if why := too_many_joints(message):
        raise ValueError(why)
    found = numbers_of_joints(message, "position", config.joints)
    if len(found) < len(config.joints):
        return None
    width = float(np.mean([(found[name] - config.offset) / config.scale for name in config.joints]))
    if not -WIDEST <= width <= WIDEST:  # NaN is not
        raise ValueError(
            f"{TOPIC} says that the gripper is {width:.3g} m wide, which cannot be: check "
            "gripper.scale, offset and joints"
        )
    return width
