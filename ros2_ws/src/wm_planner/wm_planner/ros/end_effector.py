"""The measured pose of the end effector."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node

from wm_planner.models.spec import orientation
from wm_planner.ros.pose_input import PoseInput
from wm_planner.text import quoted
from wm_planner.types import Pose, Vector

TOPIC = "current_pose"


class EndEffectorInput(PoseInput):
    """Subscribes to ``current_pose``: the end effector in the frame of the actions.

    Args:
        node: Its logger, clock and topic names are used.
        frame: The only ``frame_id`` accepted.
        max_age: A pose older than this when it arrives is dropped [s].
        on_pose: Called with every good pose.
    """

    def __init__(
        self, node: Node, frame: str, max_age: float, on_pose: Callable[[Pose], None]
    ) -> None:
        self._frame = frame
        super().__init__(node, PoseStamped, TOPIC, max_age, on_pose)
        self._joints = node.resolve_topic_name("joint_states")

    @property
    def problem(self) -> str:
        """What is wrong with the messages, or an empty string."""
        why = super().problem
        if not why or self._ever or not self._node.count_publishers(self._joints):
            return why
        return (
            f"{why}. The joints arrive on {self._joints}: with commands.kinematics the pose is "
            "computed from them"
        )

    def read(self, message: PoseStamped) -> tuple[Vector, Vector, None]:
        """Return position (3,) [m] and quaternion (x, y, z, w).

        Raises:
            ValueError: The frame is wrong, a number is not finite, or the quaternion is not of unit
                length.
        """
        if message.header.frame_id != self._frame:
            raise ValueError(
                f"{TOPIC} is in frame {quoted(message.header.frame_id)}, but the model's actions "
                f"are in '{self._frame}': publish it in that frame"
            )
        p, q = message.pose.position, message.pose.orientation
        position, quaternion = np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w])
        if not (np.isfinite(position).all() and np.isfinite(quaternion).all()):
            raise ValueError(f"{TOPIC} is not finite")
        try:
            orientation(quaternion)
        except ValueError as error:
            raise ValueError(f"{TOPIC}: {error}") from error
        return position, quaternion, None
