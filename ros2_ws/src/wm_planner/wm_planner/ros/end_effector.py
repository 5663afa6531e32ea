"""The measured pose of the end effector."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node

from wm_planner.models.spec import orientation
from wm_planner.ros.pose_input import PoseInput
from wm_planner.ros.transforms import TF, FrameChange
from wm_planner.types import Pose, Vector

TOPIC = "current_pose"
ELSEWHERE = {
    "joint_states": "The joints arrive on {}: with commands.kinematics the pose is computed from "
    "them",
    TF: "Frames arrive on {}: with inputs.pose=tf and commands.tip the pose is taken from there",
}
"""Where the pose can be found if it does not arrive."""


class EndEffectorInput(PoseInput):
    """Subscribes to ``current_pose``, and brings it into the frame of the actions.

    Args:
        node: Its logger, clock and topic names are used.
        frames: Brings poses into the frame of the actions.
        max_age: A pose older than this when it arrives is dropped [s].
        on_pose: Called with every good pose.
    """

    def __init__(
        self, node: Node, frames: FrameChange, max_age: float, on_pose: Callable[[Pose], None]
    ) -> None:
        self._frames = frames
        super().__init__(node, PoseStamped, TOPIC, max_age, on_pose)

    @property
    def problem(self) -> str:
        """What is wrong with the messages, or an empty string."""
        why = super().problem
        if why and not self._ever:
            for topic, hint in ELSEWHERE.items():
                name = self._node.resolve_topic_name(topic)
                if self._node.count_publishers(name):
                    why = f"{why}. {hint.format(name)}"
        return why

    def read(self, message: PoseStamped) -> tuple[Vector, Vector, None]:
        """Return position (3,) [m] and quaternion (x, y, z, w).

        Raises:
            ValueError: The frame is another one, and TF does not tell where it is; a number is not
                finite, or the quaternion is not of unit length.
        """
        p, q = message.pose.position, message.pose.orientation
        pose = np.array([p.x, p.y, p.z, q.x, q.y, q.z, q.w])
        if not np.isfinite(pose).all():
            raise ValueError(f"{TOPIC} is not finite")
        try:
            orientation(pose[3:])
            pose = self._frames.brought(pose, message.header)
        except ValueError as error:
            raise ValueError(f"{TOPIC}: {error}") from error
        return pose[:3], pose[3:], None
