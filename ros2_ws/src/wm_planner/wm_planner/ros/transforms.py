"""Poses of frames by TF, where tf2_ros is installed."""

from __future__ import annotations

import math
import os
import time
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time as RosTime
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from wm_planner.config import ConfigError
from wm_planner.control.clock import MAX_FUTURE
from wm_planner.message_limits import MAX_LIST, MAX_NAME
from wm_planner.models.spec import orientation
from wm_planner.ros.ros_time import now, stamp_seconds
from wm_planner.text import did_you_mean, listed, one_line, quoted
from wm_planner.types import Vector

TF, STATIC = "/tf", "/tf_static"
MAX_FRAMES = 1000
"""Most names of frames that are remembered."""
MAX_LENGTH = 1000.0
"""Largest translation, per axis [m]."""
BACK = 1.0
"""Time for which no newer transform of a frame has arrived when an older one is believed [s]."""
STEP = 5e-4
"""Least time between two transforms of a frame that are remembered [s]."""
LATE = 0.5
"""A frame that is so much older than others is published no more [s]."""
KEPT = 2.0
"""Time for which tf2 remembers transforms [s]."""


class Transforms:
    """What ``/tf_static``, and ``/tf`` if ``add`` is given its messages, say about frames.

    tf2's buffer is filled here, because it believes whatever it is told. A transform that is not
    newer than the one before is left out; if no newer one arrives for ``BACK``, time has begun
    again, as in a simulator.

    Args:
        node: Carries the subscription.

    Raises:
        ConfigError: tf2_ros is not installed.

    Attributes:
        kind: Type of the messages.
    """

    def __init__(self, node: Node) -> None:
        self._tf2, self.kind = _libraries()
        self._node, self._twice = node, set[str]()  # frames that are published in two ways
        self._buffer = self._tf2.Buffer(Duration(seconds=KEPT))  # with a node, it has a service
        self._parents: dict[str, str] = {}
        self._names: set[str] = set()
        self._fixed: dict[str, tuple[str, list[float]]] = {}  # parents and poses
        self._newest: dict[str, tuple[float, float]] = {}  # stamp, and arrival [s, steady clock]
        self._topics = [node.resolve_topic_name(topic) for topic in (TF, STATIC)]
        self._subscription = node.create_subscription(
            self.kind,
            STATIC,
            self.add_fixed,
            QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL),
        )

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def add(self, message: Any) -> list[str]:
        """Take a message of ``/tf``; return its frames. Transforms that cannot be are left out."""
        steady, present, added = time.monotonic(), now(self._node), []
        for transform in message.transforms[:MAX_LIST]:
            child = self._believable(transform)
            stamp = stamp_seconds(transform.header) if child else 0.0
            if not 0.0 < stamp <= present + MAX_FUTURE:
                continue
            added.append(child)
            if child in self._fixed:
                self._twice.add(child)
                continue
            last, arrived = self._newest.get(child, (-math.inf, steady))
            if stamp < last + STEP:
                if stamp >= last or steady - arrived < BACK:
                    continue
                self._buffer.clear()  # it keeps those that are fixed
                self._newest.clear()
            self._newest[child] = stamp, steady
            self._parents[child] = transform.header.frame_id
            self._buffer.set_transform(transform, "")
        return added

    def add_fixed(self, message: Any) -> None:
        """Take a message of ``/tf_static``."""
        for transform in message.transforms[:MAX_LIST]:
            if not (child := self._believable(transform)):
                continue
            at, turned = transform.transform.translation, transform.transform.rotation
            place = [at.x, at.y, at.z, turned.x, turned.y, turned.z, turned.w]
            fixed = transform.header.frame_id, place
            if child in self._newest or self._fixed.get(child, fixed) != fixed:
                self._twice.add(child)
                continue
            self._fixed[child] = fixed
            self._parents[child] = transform.header.frame_id
            self._buffer.set_transform_static(transform, "")

    def chain(self, base: str, tip: str) -> set[str]:
        """Return the frames whose transforms lead from one frame to another."""
        return self._above(base) ^ self._above(tip)

    def twice(self, base: str, tip: str) -> str:
        """Return that a frame between two is published in two ways, or an empty string."""
        moving, fixed = self._topics
        for frame in sorted(self._twice & self.chain(base, tip)):
            return (
                f"frame {quoted(frame)} is published in two ways (on {moving} and {fixed}, or with "
                "two poses on the second): end all but one of its publishers, and configure the "
                "planner again"
            )
        return ""

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
            raise ValueError(one_line(str(error), 200)) from error
        at, turned = found.transform.translation, found.transform.rotation
        pose = np.array([at.x, at.y, at.z, turned.x, turned.y, turned.z, turned.w])
        return pose, found.header.stamp

    def why_not(self, base: str, tip: str) -> str:
        """Return why there is no new pose of a frame in another one, as a sentence."""
        topics, known = " or ".join(self._topics), sorted(self._names)
        for frame in (base, tip):
            if frame not in self._names:
                if len(known) >= MAX_FRAMES - 1:
                    return f"{topics} have more than {MAX_FRAMES} frames, too many to remember"
                shown, others = did_you_mean(frame, known), f"; there are {listed(known, 10)}"
                end = one_line(shown, 300) if shown != "." else others
                return f"no frame {quoted(frame)} arrives on {topics}{end}"
        between = f"between {quoted(base)} and {quoted(tip)}"
        chain = self.chain(base, tip)
        moving = {name: self._newest[name][0] for name in chain if name in self._newest}
        newest, oldest = max(moving.values(), default=0.0), min(moving.values(), default=0.0)
        if newest - oldest > LATE:
            silent = min(moving, key=lambda name: moving[name])
            return (
                f"of the frames {between}, {quoted(silent)} is {newest - oldest:.1f} s older than "
                "the newest: does its publisher run?"
            )
        try:
            _, stamp = self.pose(base, tip)
        except ValueError as error:
            return f"{topics} do not lead from {quoted(base)} to {quoted(tip)}: {error}"
        if stamp == Time():
            return (
                f"no transform {between} moves: does robot_state_publisher get the arm's joints "
                "(joint_states)?"
            )
        return f"no new transform {between} arrives: does its publisher run?"

    def _above(self, frame: str) -> set[str]:
        """Return a frame and those above it."""
        found: set[str] = set()
        while frame in self._parents and frame not in found:
            found.add(frame)
            frame = self._parents[frame]
        return found

    def _believable(self, transform: Any) -> str:
        """Return the frame of a transform without a slash before it; empty if it cannot be."""
        header, moved = transform.header, transform.transform
        child, parent = transform.child_frame_id, header.frame_id
        child, parent = child.removeprefix("/"), parent.removeprefix("/")
        if not (0 < len(child) <= MAX_NAME and 0 < len(parent) <= MAX_NAME) or child == parent:
            return ""
        if header.stamp.sec < 0 or header.stamp.nanosec >= 10**9:
            return ""
        at, turned = moved.translation, moved.rotation
        if not all(abs(length) <= MAX_LENGTH for length in (at.x, at.y, at.z)):
            return ""
        try:
            orientation(np.array([turned.x, turned.y, turned.z, turned.w]))
        except ValueError:
            return ""
        if len(self._names) + len(new := {child, parent} - self._names) > MAX_FRAMES:
            return ""
        self._names |= new
        transform.child_frame_id, header.frame_id = child, parent
        return str(child)


class FrameChange:
    """Brings measured poses from other frames into the frame of the actions, by ``/tf_static``.

    It subscribes when the first pose in another frame arrives.

    Args:
        node: Carries the subscription.
        frame: The frame of the actions.
    """

    def __init__(self, node: Node, frame: str) -> None:
        self._node, self._frame = node, frame
        self._other = frame  # of the last pose in another frame
        self._transforms: Transforms | None = None
        self._missing = ""  # why there can be none

    @property
    def problem(self) -> str:
        """That a frame is published in two ways, as a sentence, or an empty string."""
        return self._transforms.twice(self._frame, self._other) if self._transforms else ""

    def brought(self, pose: Vector, header: Header) -> Vector:
        """Return a pose (7,) in the frame of the actions.

        Raises:
            ValueError: It is in another frame, which is not fixed to that of the actions, or its
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
                self._transforms = Transforms(self._node)
            except ConfigError as error:
                self._missing = str(error)
        if self._transforms is None:
            raise ValueError(f"{other}: publish it in that frame; {self._missing}")
        try:
            self._other = header.frame_id
            found, _ = self._transforms.pose(self._frame, self._other)
        except ValueError as error:
            raise ValueError(
                f"{other}, and {self._node.resolve_topic_name(STATIC)} does not lead from one to "
                f"the other ({error}): publish it in that frame"
            ) from error
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
