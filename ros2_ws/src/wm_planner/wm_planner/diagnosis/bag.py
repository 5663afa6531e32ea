"""Reads the topics of a bag that make an episode; sqlite3 and mcap, without ROS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.episode import RecordingError
from wm_planner.images import ImageFormatError, ImagePolicy, decode

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader

IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
POSE, TWIST = "geometry_msgs/msg/PoseStamped", "geometry_msgs/msg/TwistStamped"
JOINTS, NUMBERS = "sensor_msgs/msg/JointState", "std_msgs/msg/Float64MultiArray"
TYPES = {
    "image": IMAGES,
    "pose": (POSE,),
    "command": (POSE, TWIST, JOINTS, NUMBERS),
    "joints": (JOINTS,),
}
"""Message types that a role can have."""
DEFAULT_TOPICS = {
    "image": ("image",),
    "pose": ("current_pose",),
    "command": ("command", "target_pose"),
    "joints": ("joint_states",),
}
"""Names of the planner node's topics, by role, in any namespace; the first one found is taken.
``target_pose`` is what the demo and CRISP controllers call the commands."""
_CLOCKS_APART = 1.0  # [s] difference of stamps and recording times above which clocks differ


@dataclass(frozen=True)
class Topics:
    """Names of a bag's topics, with or without namespace; empty: those of ``DEFAULT_TOPICS``."""

    image: str = ""
    pose: str = ""
    command: str = ""
    joints: str = ""


@dataclass
class Stream:
    """The messages of one topic.

    Attributes:
        topic: Its full name.
        kind: Message type.
        times: Stamp of each message, or the time of its recording if it has no stamp [s].
        received: Time of each message's recording [s].
        values: Numbers of each message: positions [m] of poses, velocities [m/s] of twists.
        names: Names of the joints.
        frames: All ``frame_id``s.
    """

    topic: str
    kind: str
    times: list[float] = field(default_factory=list)
    received: list[float] = field(default_factory=list)
    values: list[list[float]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    frames: set[str] = field(default_factory=set)

    def add(self, message: Any, received: float) -> None:
        """Add a message; of an image only its time is kept."""
        header = getattr(message, "header", None)
        stamp = 0.0 if header is None else header.stamp.sec + 1e-9 * header.stamp.nanosec
        if header is not None and header.frame_id:
            self.frames.add(header.frame_id)
        self.times.append(stamp or received)
        self.received.append(received)
        if self.kind == POSE:
            p = message.pose.position
            self.values.append([p.x, p.y, p.z])
        elif self.kind == TWIST:
            v = message.twist.linear
            self.values.append([v.x, v.y, v.z])
        elif self.kind == JOINTS:
            self.names = self.names or list(message.name)
            by_name = dict(zip(message.name, message.position, strict=False))
            self.values.append([float(by_name.get(name, np.nan)) for name in self.names])
        elif self.kind == NUMBERS:
            self.values.append([float(value) for value in message.data])


@dataclass
class Bag:
    """The streams of a bag; its images are read on demand.

    Attributes:
        path: Directory or file.
        streams: The streams found, by role: ``image``, ``pose``, ``command``, ``joints``.
    """

    path: Path
    streams: dict[str, Stream]

    def images(self, indices: list[int], policy: ImagePolicy) -> NDArray[np.uint8]:
        """Decode images: RGB, uint8 (len(indices), height, width, 3).

        Args:
            indices: Which images, in increasing order; one may be repeated.
            policy: How they are decoded.

        Raises:
            RecordingError: An image cannot be decoded, or they differ in size.
        """
        stream = self.streams["image"]
        wanted, found = set(indices), []
        with _reading(self.path) as reader:
            connections = [c for c in reader.connections if c.topic == stream.topic]
            for index, (connection, _, raw) in enumerate(reader.messages(connections)):
                if index not in wanted:
                    continue
                message = reader.deserialize(raw, connection.msgtype)
                try:
                    found.append(decode(message, policy, topic=stream.topic))
                except ImageFormatError as error:
                    raise RecordingError(f"{self.path}: image {index}: {error}") from error
                if len(found) == len(wanted):
                    break
        if len({image.shape for image in found}) > 1:
            raise RecordingError(
                f"{self.path}: images of {stream.topic} change their size during the recording: "
                "record with one camera setting"
            )
        return np.repeat(np.stack(found), [indices.count(i) for i in sorted(wanted)], axis=0)


def read_bag(path: Path, topics: Topics) -> Bag:
    """Read a bag's streams, without the pixels of its images.

    Args:
        path: Directory with ``metadata.yaml``, or a single ``.mcap`` or ``.db3`` file.
        topics: Which topics to read. If no image topic is named or has the default name, the only
            one with images is taken.

    Raises:
        RecordingError: The bag cannot be read, has no images, lacks a topic that was named, or has
            several topics for a role.
    """
    with _reading(path) as reader:
        kinds = {c.topic: c.msgtype for c in reader.connections}
        chosen = {
            role: topic
            for role, types in TYPES.items()
            if (topic := _choose(path, role, getattr(topics, role), types, kinds))
        }
        if "image" not in chosen:
            raise RecordingError(
                f"{path} has no images: record the camera's topic, too. It has: {_listed(kinds)}"
            )
        streams = {role: Stream(topic, kinds[topic]) for role, topic in chosen.items()}
        for stream in streams.values():
            connections = [c for c in reader.connections if c.topic == stream.topic]
            for connection, time, raw in reader.messages(connections):
                stream.add(reader.deserialize(raw, connection.msgtype), time * 1e-9)
    streams = {role: stream for role, stream in streams.items() if stream.times}
    if "image" not in streams:
        raise RecordingError(
            f"{path}: no message was recorded on {chosen['image']}: is the camera running?"
        )
    _use_one_clock(streams)
    return Bag(path, streams)


def _choose(
    path: Path, role: str, wanted: str, types: tuple[str, ...], kinds: dict[str, str]
) -> str:
    """Return the topic of a role: the one named, else the only one with images, else empty."""
    fitting = [topic for topic, kind in kinds.items() if kind in types]
    named: list[str] = []
    for name in [wanted] if wanted else DEFAULT_TOPICS[role]:
        named = named or [t for t in fitting if f"/{t}".endswith(f"/{name.lstrip('/')}")]
    if not named and wanted:
        raise RecordingError(
            f"{path} has no topic {wanted} of type {' or '.join(types)}; it has: {_listed(kinds)}"
        )
    if not named and role == "image":
        named = fitting
    if len(named) > 1:
        raise RecordingError(
            f"{path} has several topics for {role} ({', '.join(sorted(named))}): choose one with "
            f"--{role}-topic"
        )
    return named[0] if named else ""


def _listed(kinds: dict[str, str]) -> str:
    return ", ".join(f"{t} ({k})" for t, k in sorted(kinds.items())) or "none"


def _use_one_clock(streams: dict[str, Stream]) -> None:
    """Use the recording times of all streams if stamps come from another clock and one has none.

    Messages without stamps have only a recording time, which a simulator's stamps do not match.
    """
    bare = any(s.kind == NUMBERS for s in streams.values())
    apart = max(abs(np.median(np.subtract(s.times, s.received))) for s in streams.values())
    if bare and apart > _CLOCKS_APART:
        for stream in streams.values():
            stream.times = list(stream.received)


@contextmanager
def _reading(path: Path) -> Iterator[AnyReader]:
    try:
        from rosbags.highlevel import AnyReader, AnyReaderError
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise RecordingError(
            f"Reading bags needs the Python package rosbags, which cannot be imported ({error}): "
            "pip install rosbags"
        ) from error
    try:
        with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
            yield reader
    except (AnyReaderError, OSError) as error:
        raise RecordingError(
            f"{path} cannot be read as a bag ({error}): give the directory with metadata.yaml, or "
            "a single .mcap or .db3 file"
        ) from error
