"""``~/plan`` and ``~/imagined``: where the plan leads, and what the model expects to see there."""

from __future__ import annotations

from array import array

import numpy as np
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path
from rclpy.node import Node
from sensor_msgs.msg import Image

from wm_planner.models import ModelSpec
from wm_planner.models.spec import CommandMapping
from wm_planner.ros.conversions import seconds_to_time
from wm_planner.types import Vector
from wm_planner.worker import Planned


def plan_positions(
    spec: ModelSpec, command: CommandMapping, actions: Vector, start: Vector
) -> Vector:
    """The positions a Cartesian plan commands, one an environment step: (horizon * frameskip, 3).

    Args:
        spec: The order and rate of the actions.
        command: How they become positions.
        actions: Physical actions (horizon, frameskip * dim).
        start: Where the arm had been told to be when the plan's image was taken (3,) [m].
    """
    steps = actions.reshape(-1, spec.action.dim)
    moves = np.stack([steps[:, spec.action.names.index(name)] for name in command.position], axis=1)
    if command.mode == "absolute":
        return moves
    if command.mode == "velocity":
        moves = moves / spec.control_rate
    return start + np.cumsum(moves, axis=0)


class PlanViews:
    """Publishes plans for people to look at; costs nothing while nobody subscribes.

    Args:
        node: Carries the topics.
        spec: The order, rate and frame of the actions.
        command: How they become commands; ``~/plan`` is for Cartesian ones.
    """

    def __init__(self, node: Node, spec: ModelSpec, command: CommandMapping) -> None:
        self._node, self._spec, self._command = node, spec, command
        self._path = node.create_publisher(Path, "~/plan", 1)
        self._imagined = node.create_publisher(Image, "~/imagined", 1)
        self._decode_error = ""

    @property
    def imagine(self) -> bool:
        """Whether someone wants to see imagined frames."""
        return bool(self._imagined.get_subscription_count() > 0)

    def close(self) -> None:
        """Take the topics away."""
        self._node.destroy_publisher(self._path)
        self._node.destroy_publisher(self._imagined)

    def show(self, plan: Planned, start: Vector) -> None:
        """Publish a plan that began at this commanded position (3,) [m]."""
        if plan.decode_error and plan.decode_error != self._decode_error:
            self._node.get_logger().warning(plan.decode_error)
        self._decode_error = plan.decode_error
        if not self._command.joints and self._path.get_subscription_count():
            self._path.publish(self._path_of(plan, start))
        if plan.imagined is not None and self.imagine:
            height, width = plan.imagined.shape[:2]
            message = Image(height=height, width=width, step=3 * width, encoding="rgb8")
            message.data = array("B", plan.imagined.tobytes())
            message.header.stamp = seconds_to_time(plan.stamp)
            self._imagined.publish(message)

    def _path_of(self, plan: Planned, start: Vector) -> Path:
        path = Path()
        path.header.stamp = seconds_to_time(plan.stamp)
        path.header.frame_id = self._spec.action.frame
        positions = [start, *plan_positions(self._spec, self._command, plan.actions, start)]
        for i, (x, y, z) in enumerate(np.asarray(positions).tolist()):
            pose = PoseStamped()
            pose.header.stamp = seconds_to_time(plan.stamp + i / self._spec.control_rate)
            pose.header.frame_id = path.header.frame_id
            p = pose.pose.position
            p.x, p.y, p.z = x, y, z
            pose.pose.orientation.w = 1.0
            path.poses.append(pose)
        return path
