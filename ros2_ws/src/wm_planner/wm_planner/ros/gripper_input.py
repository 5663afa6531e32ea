"""The measured width of the gripper."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import JointState

from wm_planner.config import GripperConfig
from wm_planner.ros.commanded_joints import TOPIC, numbers_of_joints, too_many_joints
from wm_planner.ros.problem_log import ProblemLog
from wm_planner.ros.qos import sensor_data_qos


class GripperInput:
    """Subscribes to ``joint_states``, and finds the width by the joints of the fingers.

    Args:
        node: Carries the subscription.
        config: The joints, and their positions per width.
        on_width: Called with every measured width [m], the mean of the fingers'.
    """

    def __init__(
        self, node: Node, config: GripperConfig, on_width: Callable[[float], None]
    ) -> None:
        self._node, self._config, self._on_width = node, config, on_width
        self._problem = ProblemLog(node, "no measured width of the gripper")
        self._subscription = node.create_subscription(
            JointState,
            TOPIC,
            self._on_message,
            sensor_data_qos(),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def _on_message(self, message: JointState) -> None:
        try:
            width = measured_width(message, self._config)
        except ValueError as error:
            self._problem.report(str(error))
            return
        if width is not None:  # otherwise the message is about the arm
            self._problem.report("")
            self._on_width(width)


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
    if not np.isfinite(width):
        raise ValueError(f"{TOPIC} has positions of the gripper that are not finite")
    return width
