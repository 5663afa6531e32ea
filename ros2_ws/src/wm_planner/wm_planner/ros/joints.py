"""The measured positions of the joints that are commanded."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import numpy as np
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import JointState

from wm_planner.control import Pose
from wm_planner.ros.qos import on_incompatible_publisher, sensor_data_qos
from wm_planner.ros.stamps import arrived, silence

TOPIC = "joint_states"
NO_ROTATION = np.array([0.0, 0.0, 0.0, 1.0])


class JointInput:
    """Subscribes to ``joint_states``, in which each joint is found by its name.

    Args:
        node: Its logger and topic names are used.
        joints: Names of the commanded joints, in their order.
        max_age: A measurement older than this when it arrives is dropped [s].
        on_pose: Called with every good measurement.
    """

    def __init__(
        self,
        node: Node,
        joints: Sequence[str],
        max_age: float,
        on_pose: Callable[[Pose], None],
    ) -> None:
        self._node, self._joints, self._on_pose = node, list(joints), on_pose
        self.max_age = max_age
        self._problem, self._good_steady = "", -math.inf
        self._subscription = node.create_subscription(
            JointState,
            TOPIC,
            self._on_message,
            sensor_data_qos(),
            event_callbacks=on_incompatible_publisher(lambda: TOPIC, self._report),
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

    def _on_message(self, message: JointState) -> None:
        known = dict(zip(message.name, message.position, strict=False))
        if not any(name in known for name in self._joints):
            return  # another publisher's, e.g. the gripper's
        positions = np.array([known.get(name, np.nan) for name in self._joints])
        try:
            if missing := [name for name in self._joints if name not in known]:
                raise ValueError(f"{TOPIC} has no position of {', '.join(missing)}")
            if not np.isfinite(positions).all():
                raise ValueError(f"{TOPIC} holds positions that are not finite")
            arrived(self._node, message.header, TOPIC, self.max_age, "session.pose_timeout")
        except ValueError as error:
            self._report(str(error))
            return
        self._report("")
        self._good_steady = time.monotonic()
        self._on_pose(Pose(positions, NO_ROTATION, self._good_steady))

    def _report(self, problem: str) -> None:
        if problem and problem != self._problem:
            self._node.get_logger().warning(f"no joint positions: {problem}")
        self._problem = problem
