"""The proprio of an observation, in the model's order and units."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from wm_planner.config import Config
from wm_planner.control.gripper_receiver import check_measured
from wm_planner.kinematics import Arm
from wm_planner.message_limits import MAX_LIST, MAX_NAME
from wm_planner.models import ModelSpec
from wm_planner.models.spec import RotationForm, orientation
from wm_planner.ros import log
from wm_planner.ros.commanded_joints import (
    KINEMATICS,
    numbers_of_joints,
    other_names,
    too_many_joints,
)
from wm_planner.ros.gripper_input import measured_width
from wm_planner.ros.proprio_fields import POSE, Field, proprio_fields
from wm_planner.ros.publishers import PublisherWatch
from wm_planner.ros.qos import on_incompatible_publisher, sensor_data_qos
from wm_planner.ros.ros_time import now, stamp_seconds
from wm_planner.ros.silence import Silence
from wm_planner.ros.stamped_buffer import StampedBuffer
from wm_planner.ros.transforms import FrameChange
from wm_planner.types import Pose, Vector

LENGTH = 1024  # values kept of each number: one second at 1 kHz
TOPICS = {
    "joint_states": "joint_states",
    "pose": "current_pose",
    "topic": "proprio",
    "gripper": "joint_states",
    "arm": "joint_states",
    "tf": "/tf",
}
TYPES = {
    "joint_states": JointState,
    "pose": PoseStamped,
    "topic": Float64MultiArray,
    "gripper": JointState,
    "arm": JointState,
}


class ProprioInput:
    """Subscribes to those of ``joint_states``, ``current_pose`` and ``proprio`` that are needed.

    Messages with numbers that are not finite are dropped. ``proprio`` has no stamp, so its time is
    that of its arrival.

    Args:
        node: Its logger, clock and topic names are used.
        config: The source of each number, and the joints of the fingers.
        spec: The order of the numbers.
        on_update: Called after every good message, with its stamp [s].
        frames: Brings poses into the frame of the actions.
        arm: The arm's kinematics, by which ``joint_states`` give the pose; None: it comes on
            ``current_pose``.

    Raises:
        ConfigError: The configuration does not define the source of each number.

    Attributes:
        slop: Largest distance of a number from the stamp that it belongs to [s].
        incompatible: That a publisher's QoS does not match, as a sentence, or an empty string.
        publishers: Notice a second publisher of each topic.
    """

    def __init__(
        self,
        node: Node,
        config: Config,
        spec: ModelSpec,
        on_update: Callable[[float], None],
        frames: FrameChange,
        arm: Arm | None = None,
    ) -> None:
        self._node, self.slop, self._frames = node, config.proprio.slop, frames
        self._on_update = on_update
        self._gripper, self._of_gripper = config.gripper, spec.proprio.gripper
        self._fields, self._arm = proprio_fields(config.proprio, spec), arm
        if instead := "arm" if arm else config.inputs.pose:
            of_pose = [field for field in self._fields if field.source == "pose"]
            moved = {field: replace(field, source=instead) for field in of_pose}
            self._fields = [moved.get(field, field) for field in self._fields]
        if any(field.source == "gripper" for field in self._fields):
            check_measured(self._gripper, spec.name)
        self._buffers: dict[Field, StampedBuffer[float]] = {
            f: StampedBuffer(LENGTH) for f in self._fields
        }
        self._dropped: dict[str, str] = {}  # why the last message of a source was dropped
        self.incompatible = ""
        self.publishers: list[PublisherWatch] = []
        self._heard: set[str] = set()  # names of the joints that arrive, needed or not
        self._silences: dict[str, Silence] = {}
        self._subscriptions = [
            self._subscribe(source)
            for source in dict.fromkeys(f.source for f in self._fields)
            if source in TYPES
        ]

    @property
    def needed(self) -> bool:
        """Whether the model takes proprio."""
        return bool(self._fields)

    def at(self, stamp: float) -> Vector | None:
        """Return the numbers (P,) nearest to a stamp [s]; None if one is missing."""
        found = [self._buffers[field].nearest(stamp) for field in self._fields]
        if any(near is None or near[0] > self.slop for near in found):
            return None
        return np.array([near[1] for near in found if near is not None])

    def missing(self, stamp: float) -> str:
        """Return why there are no numbers for a stamp [s], or an empty string."""
        for field in self._fields:
            near = self._buffers[field].nearest(stamp)
            distance = math.inf if near is None else near[0]
            if distance > self.slop:
                return self._dropped.get(field.source) or self._distant(field, distance)
        return ""

    def take(self, pose: Pose) -> None:
        """Take a measured pose, if numbers come with it."""
        fields = [field for field in self._fields if field.source == "tf"]
        if not fields:
            return
        numbers = _numbers_of_pose(np.concatenate([pose.position, pose.orientation]), fields)
        for field, value in numbers.items():
            self._buffers[field].add(pose.stamp, value)
        self._on_update(pose.stamp)

    def close(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _distant(self, field: Field, distance: float) -> str:
        topic = TOPICS[field.source]
        what = "message" if field.name.isdigit() else field.name  # some names are indices
        if math.isinf(distance):
            if field.source == "tf":
                return f"no {what} arrived yet: it comes with the measured pose (inputs.pose)"
            return f"no {what} arrived on {topic} yet: {self._silences[field.source].why()}"
        return (
            f"the {what} nearest to the image is {distance:.3f} s away from it "
            f"(proprio.slop is {self.slop:.3f} s): is {topic} published, and stamped by the "
            "camera's clock?"
        )

    def _without(self, names: set[str], setting: str) -> str:
        """Return that joints arrive, but not the needed ones, or an empty string."""
        missing = sorted(names - self._heard)
        if not self._heard or not missing:
            return ""
        return other_names(sorted(self._heard), missing, setting)

    def _subscribe(self, source: str) -> Any:
        topic = TOPICS[source]
        fields = [field for field in self._fields if field.source == source]
        names, setting = None, "proprio.fields"
        if source == "joint_states":
            names = {field.name for field in fields}
        elif source == "gripper":
            names, setting = set(self._gripper.joints), "gripper.joints"
        elif source == "arm" and self._arm:
            names, setting = set(self._arm.joints), KINEMATICS
        resolved = self._node.resolve_topic_name(topic)
        watch = PublisherWatch(self._node, resolved, shared=names is not None)
        self.publishers.append(watch)
        self._silences[source] = Silence(
            self._node,
            resolved,
            TYPES[source],
            unrelated=lambda: self._without(names or set(), setting),
        )

        def take(message: Any, info: dict[str, Any]) -> None:
            if names is not None and (why := too_many_joints(message)):
                self._dropped[source] = why
                return
            if names is not None and len(self._heard) < MAX_LIST:
                self._heard.update(name[:MAX_NAME] for name in message.name)
            watch.heard(info, ("",) if names is None else names.intersection(message.name))
            self._on_message(fields, message)

        return self._node.create_subscription(
            TYPES[source],
            topic,
            take,
            sensor_data_qos(),
            event_callbacks=on_incompatible_publisher(lambda: topic, self._report),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def _on_message(self, fields: list[Field], message: Any) -> None:
        """Remember the numbers of a message."""
        source = fields[0].source
        try:
            if source == "gripper":
                found = self._width(message, fields[0])
            elif source == "arm":
                found = self._of_arm(message, fields)
            else:
                found = READERS[source](message, fields, self._frames)
            broken = [field.name for field, value in found.items() if not math.isfinite(value)]
            if broken:
                raise ValueError(f"{', '.join(broken)} is not finite")
            stamp = 0.0 if source == "topic" else stamp_seconds(message.header)
        except ValueError as error:
            self._dropped[source] = f"message on {TOPICS[source]} dropped: {error}"
            return
        if not found:
            return  # of another publisher, e.g. the gripper
        self._dropped.pop(source, None)
        stamp = stamp or now(self._node)
        for field, value in found.items():
            self._buffers[field].add(stamp, value)
        self._on_update(stamp)

    def _width(self, message: JointState, field: Field) -> dict[Field, float]:
        """Return the number of the gripper; a message may be about the arm only."""
        width = measured_width(message, self._gripper)
        if width is None or self._of_gripper is None:
            return {}
        return {field: self._of_gripper.number(width)}

    def _of_arm(self, message: JointState, fields: list[Field]) -> dict[Field, float]:
        """Return numbers of the pose; a message may be about the gripper only."""
        assert self._arm
        known = numbers_of_joints(message, "position", self._arm.joints)
        if len(known) < len(self._arm.joints):
            return {}
        pose = self._arm.pose(np.array([known[name] for name in self._arm.joints]))
        return _numbers_of_pose(pose, fields)

    def _report(self, problem: str) -> None:
        self.incompatible = problem
        log.warning(self._node, f"proprio: {problem}")


def _of_joints(message: JointState, fields: list[Field], frames: FrameChange) -> dict[Field, float]:
    """Return the numbers of joints; a message may hold only some of the joints."""
    found = {}
    for part in {field.part for field in fields}:
        wanted = {field.name: field for field in fields if field.part == part}
        numbers = numbers_of_joints(message, part, wanted)
        found.update({wanted[name]: number for name, number in numbers.items()})
    return found


def _of_pose(message: PoseStamped, fields: list[Field], frames: FrameChange) -> dict[Field, float]:
    p, q = message.pose.position, message.pose.orientation
    pose = np.array([p.x, p.y, p.z, q.x, q.y, q.z, q.w])
    return _numbers_of_pose(frames.brought(pose, message.header), fields)


def _numbers_of_pose(pose: Vector, fields: list[Field]) -> dict[Field, float]:
    """Return the numbers of a pose (7,), x, y, z and quaternion (x, y, z, w)."""
    numbers = dict(zip(POSE, pose, strict=True))
    found = {field: float(numbers[field.name]) for field in fields if not field.form}
    for part in {field.part for field in fields if field.form}:
        form = RotationForm(part)
        turned = form.write(orientation(pose[3:]))
        found.update({f: float(turned[int(f.name)]) for f in fields if f.part == part})
    return found


def _of_array(
    message: Float64MultiArray, fields: list[Field], frames: FrameChange
) -> dict[Field, float]:
    needed = 1 + max(int(field.name) for field in fields)
    if len(message.data) != needed:
        raise ValueError(f"it has {len(message.data)} numbers, but the model takes {needed}")
    return {field: float(message.data[int(field.name)]) for field in fields}


READERS = {"joint_states": _of_joints, "pose": _of_pose, "topic": _of_array}
