"""Poses of frames by TF, where tf2_ros is installed."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time as RosTime
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from wm_planner.config import ConfigError
from wm_planner.message_limits import MAX_LIST, MAX_NAME
from wm_planner.models.spec import orientation
from wm_planner.ros.ros_time import now, stamp_seconds
from wm_planner.text import did_you_mean, listed, one_line, quoted
from wm_planner.types import Vector

TF, STATIC = "/tf", "/tf_static"
MAX_FRAMES = 2000
"""Most frames that are remembered."""
BACK = 1.0
"""A stamp that goes back by more shows that time began again, as in a simulator [s]."""
APART = 0.2
"""Largest time between a pose and the transform of its frame, if that moves [s]."""


class Transforms:
    """What ``/tf`` and ``/tf_static`` say about frames.

    Args:
        node: Carries the subscriptions.
        listen: Whether to subscribe to ``/tf``; otherwise ``add`` takes its messages.

    Raises:
        ConfigError: tf2_ros is not installed.

    Attributes:
        kind: Type of the messages.
    """

    def __init__(self, node: Node, *, listen: bool) -> None:
        self._tf2, self.kind = _libraries()
        self._buffer = self._tf2.Buffer()  # with a node, it would offer a service
        self._parents: dict[str, str] = {}
        self._stamps: dict[str, float] = {}  # the newest of each moving frame [s]
        self._node, kept = node, QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._subscriptions = [
            node.create_subscription(self.kind, STATIC, lambda m: self.add(m, static=True), kept)
        ]
        if listen:
            moving = node.create_subscription(self.kind, TF, self.add, QoSProfile(depth=100))
            self._subscriptions.append(moving)

    def close(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def add(self, message: Any, *, static: bool = False) -> None:
        """Take the transforms of a message; those that cannot be are left out."""
        for transform in message.transforms[:MAX_LIST]:
            child, parent = transform.child_frame_id, transform.header.frame_id
            if not self._believable(transform, child, parent):
                continue
            if static:
                self._stamps.pop(child, None)
                self._buffer.set_transform_static(transform, "")
            else:
                stamp = stamp_seconds(transform.header)
                if stamp < self._stamps.get(child, stamp) - BACK:
                    self._buffer.clear()
                    self._stamps.clear()
                self._stamps[child] = stamp
                self._buffer.set_transform(transform, "")
            self._parents[child] = parent

    def chain(self, base: str, tip: str) -> set[str]:
        """Return the frames whose transforms lead from one frame to another."""
        return self._above(base) ^ self._above(tip)

    def pose(self, base: str, tip: str) -> tuple[Vector, Time]:
        """Return the newest pose (7,) of a frame in another one, and its stamp.

        The stamp is that of the transform on the way whose newest one is the oldest; 0 if none of
        them moves.

        Raises:
            ValueError: It is not known.
        """
        try:
            found = self._buffer.lookup_transform(base, tip, RosTime())
        except self._tf2.TransformException as error:
            known = {*self._parents, *self._parents.values()}
            for frame in (base, tip):
                if frame not in known:
                    shown = did_you_mean(frame, known)
                    others = f"; there are {listed(sorted(known), 10)}"
                    raise ValueError(
                        f"no frame {quoted(frame)} arrives on {TF} or {STATIC}"
                        f"{one_line(shown, 300) if shown != '.' else others}"
                    ) from error
            raise ValueError(
                f"{TF} and {STATIC} do not lead from {quoted(base)} to {quoted(tip)}: "
                f"{one_line(str(error), 200)}"
            ) from error
        at, turned = found.transform.translation, found.transform.rotation
        pose = np.array([at.x, at.y, at.z, turned.x, turned.y, turned.z, turned.w])
        return pose, found.header.stamp

    def _above(self, frame: str) -> set[str]:
        """Return a frame and those above it."""
        found: set[str] = set()
        while frame in self._parents and frame not in found:
            found.add(frame)
            frame = self._parents[frame]
        return found

    def _believable(self, transform: Any, child: str, parent: str) -> bool:
        known = child in self._parents or len(self._parents) < MAX_FRAMES
        if not (known and 0 < len(child) <= MAX_NAME and 0 < len(parent) <= MAX_NAME):
            return False
        if child == parent or transform.header.stamp.sec < 0:
            return False
        at, turned = transform.transform.translation, transform.transform.rotation
        try:
            orientation(np.array([turned.x, turned.y, turned.z, turned.w]))
        except ValueError:
            return False
        return bool(np.isfinite([at.x, at.y, at.z]).all())


class FrameChange:
    """Brings measured poses from other frames into the frame of the actions, by TF.

    It subscribes when the first pose in another frame arrives.

    Args:
        node: Carries the subscriptions.
        frame: The frame of the actions.
    """

    def __init__(self, node: Node, frame: str) -> None:
        self._node, self._frame = node, frame
        self._transforms: Transforms | None = None
        self._missing = ""  # why there can be none

    def brought(self, pose: Vector, header: Header) -> Vector:
        """Return a pose (7,) in the frame of the actions.

        Raises:
            ValueError: It is in another frame, and TF does not tell where that is, or its
                quaternion is not of unit length.
        """
        if header.frame_id == self._frame:
            return pose
        other = (
            f"it is in frame {quoted(header.frame_id)}, but the model's actions are in "
            f"'{self._frame}'"
        )
        if self._transforms is None and not self._missing:
            try:
                self._transforms = Transforms(self._node, listen=True)
            except ConfigError as error:
                self._missing = str(error)
        if self._transforms is None:
            raise ValueError(f"{other}: publish it in that frame; {self._missing}")
        try:
            found, stamp = self._transforms.pose(self._frame, header.frame_id)
        except ValueError as error:
            raise ValueError(f"{other}, and {error}: publish it in that frame") from error
        moved = stamp_seconds(Header(stamp=stamp))
        apart = abs(moved - (stamp_seconds(header) or now(self._node)))
        if moved and apart > APART:
            raise ValueError(
                f"{other}, and the newest transform between them is {apart:.2f} s away from it; "
                f"at most {APART:g} s is allowed: does its publisher run, with the same clock?"
            )
        turn = Rotation.from_quat(found[3:])
        turned = (turn * orientation(pose[3:])).as_quat()
        return np.concatenate([found[:3] + turn.apply(pose[:3]), turned])

    def close(self) -> None:
        """Unsubscribe."""
        if self._transforms:
            self._transforms.close()


def _libraries() -> tuple[Any, type]:
    """Return tf2_ros, and the type of its messages.

    Raises:
        ConfigError: They are not installed.
    """
    try:
        import tf2_ros
        from tf2_msgs.msg import TFMessage
    except (ImportError, OSError) as error:
        package = f"ros-{os.environ.get('ROS_DISTRO', '<distro>')}-tf2-ros-py"
        raise ConfigError(
            f"frames of TF need tf2_ros, which cannot be loaded ({one_line(str(error), 200)}): "
            f"install {one_line(package, 100)}, and source its environment"
        ) from error
    return tf2_ros, TFMessage
