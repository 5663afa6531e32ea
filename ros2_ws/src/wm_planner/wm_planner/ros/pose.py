"""The measured pose that comes in."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions

from wm_planner.control import Pose
from wm_planner.ros.qos import on_incompatible_publisher, sensor_data_qos
from wm_planner.ros.stamps import arrived, silence

UNIT_TOLERANCE = 0.01


class PoseInput:
    """Subscribes to ``current_pose``: the end effector in the frame of the action.

    Args:
        node: Its logger and topic names are used.
        frame: The only ``frame_id`` accepted.
        max_age: A pose older than this when it arrives is dropped [s].
        on_pose: Called with every good pose.
    """

    def __init__(
        self, node: Node, frame: str, max_age: float, on_pose: Callable[[Pose], None]
    ) -> None:
        self._node, self._frame, self._on_pose = node, frame, on_pose
        self.max_age = max_age
        self._problem, self._good_steady = "", -math.inf
        self._subscription = node.create_subscription(
            PoseStamped,
            "current_pose",
            self._on_message,
            sensor_data_qos(),
            event_callbacks=on_incompatible_publisher(lambda: "current_pose", self._report),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    @property
    def problem(self) -> str:
        """What is wrong with the measurements, or an empty string."""
        topic = self._subscription.topic_name
        return self._problem or silence(self._node, topic, self._good_steady, self.max_age)

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def _on_message(self, message: PoseStamped) -> None:
        problem = self._problem_of(message)
        self._report(problem)
        if not problem:
            p, q = message.pose.position, message.pose.orientation
            position, orientation = np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w])
            self._good_steady = time.monotonic()
            self._on_pose(Pose(position, orientation, self._good_steady))

    def _report(self, problem: str) -> None:
        if problem and problem != self._problem:
            self._node.get_logger().warning(f"no pose: {problem}")
        self._problem = problem

    def _problem_of(self, message: PoseStamped) -> str:
        if message.header.frame_id != self._frame:
            return (
                f"current_pose is in frame '{message.header.frame_id}', the model's actions are "
                f"in '{self._frame}'"
            )
        p, q = message.pose.position, message.pose.orientation
        if not np.isfinite([p.x, p.y, p.z, q.x, q.y, q.z, q.w]).all():
            return "current_pose is not finite"
        if abs(np.linalg.norm([q.x, q.y, q.z, q.w]) - 1) > UNIT_TOLERANCE:
            return "the quaternion of current_pose is not of unit length"
        try:
            arrived(
                self._node, message.header, "current_pose", self.max_age, "session.pose_timeout"
            )
        except ValueError as error:
            return str(error)
        return ""
