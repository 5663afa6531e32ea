"""Where the camera is: given as a parameter, or by TF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile

from wm_planner.config import ConfigError
from wm_planner.models.spec import orientation
from wm_planner.ros.transforms import TF, Transforms
from wm_planner.text import quoted
from wm_planner.types import Vector


class CameraPose:
    """The pose of the first camera's optical frame (REP-103) in the frame of the actions.

    Args:
        node: Carries the subscriptions to TF.
        given: x, y, z [m], quaternion (x, y, z, w); ``[0.0]``: it comes from TF, if tf2_ros is
            installed.

    Raises:
        ValueError: The numbers are no pose.
    """

    def __init__(self, node: Node, given: Sequence[float]) -> None:
        self._node, self._given = node, _read(given)
        self._why_not = ""
        self._transforms: Transforms | None = None
        self._moving: Any = None
        if self._given is not None:
            return
        try:
            self._transforms = Transforms(node)
        except ConfigError as error:
            self._why_not = str(error)

    def watch(self, *, viewers: bool) -> None:
        """Follow moving frames while there are viewers."""
        if self._transforms and viewers and self._moving is None:
            kind, qos = self._transforms.kind, QoSProfile(depth=100)
            self._moving = self._node.create_subscription(kind, TF, self._transforms.add, qos)
        elif self._moving and not viewers:
            self._node.destroy_subscription(self._moving)
            self._moving = None

    def find(self, base: str, frame: str) -> Vector:
        """Return the pose (7,).

        Args:
            base: The frame of the actions.
            frame: The optical frame.

        Raises:
            ValueError: It is not known; the message says why.
        """
        if self._given is not None:
            return self._given
        if self._transforms is None:
            raise ValueError(f"set the cockpit's parameter camera_pose; {self._why_not}")
        try:
            return self._transforms.pose(base, frame)[0]
        except ValueError as error:
            raise ValueError(
                f"TF does not tell where the camera is ({error}): publish its frame, or set the "
                "cockpit's parameter camera_pose"
            ) from error


def _read(numbers: Sequence[float]) -> Vector | None:
    pose = np.array(numbers, dtype=np.float64)
    if pose.tolist() == [0.0]:
        return None
    if pose.shape != (7,) or not np.isfinite(pose).all():
        shown = quoted(str(pose.tolist()))
        raise ValueError(f"camera_pose must be x, y, z, qx, qy, qz, qw; it is {shown}")
    try:
        orientation(pose[3:])
    except ValueError as error:
        raise ValueError(f"camera_pose has no orientation: {error}") from error
    return pose
