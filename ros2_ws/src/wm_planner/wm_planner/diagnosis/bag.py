"""Reads the topics of a bag that make an episode; sqlite3 and mcap, without ROS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.bag_stream import JOINTS, NUMBERS, POSE, TWIST, Stream
from wm_planner.diagnosis.episode import RecordingError
from wm_planner.files.bag_files import BagFiles
from wm_planner.images import ImageFormatError, ImagePolicy, decode
from wm_planner.text import listed

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
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
_CDR = ("cdr", "")  # an old recorder leaves the name of the format empty


@dataclass(frozen=True)
class Topics:
    """Names of a bag's topics, with or without namespace; empty: those of ``DEFAULT_TOPICS``."""

    image: str = ""
    pose: str = ""
    command: str = ""
    joints: str = ""


@dataclass
class Bag:
    """The streams of a bag; its images are read on demand.

    Attributes:
        files: Its files.
        streams: The streams found, by role: ``image``, ``pose``, ``command``, ``joints``.
        unreadable: Messages whose content is damaged, by topic.
    """

    files: BagFiles
    streams: dict[str, Stream]
    unreadable: Counter[str] = field(default_factory=Counter)

    @property
    def path(self) -> Path:
        """Directory or file."""
        return self.files.path

    @property
    def damage(self) -> str:
        """What cannot be read, as sentences; empty if nothing is wrong."""
        damaged = [f"{n} on {topic}" for topic, n in self.unreadable.items()]
        parts = [self.files.damage()]
        parts += [f"The content of messages is damaged or no number: {listed(damaged)}"] * bool(
            damaged
        )
        return ". ".join(filter(None, parts))

    def decoded(
        self, needed: Collection[int], others: Collection[int], policy: ImagePolicy
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Decode some images; yield the index and the RGB image (height, width, 3) of each.

        Those of the others that cannot be decoded are left out, and counted as unreadable.

        Raises:
            RecordingError: An image that is needed cannot be decoded.
        """
        stream, left = self.streams["image"], {*needed, *others}
        for index, message in enumerate(self._images(stream)):
            if index in left:
                left.remove(index)
                try:
                    yield index, decode(message, policy, topic=stream.topic)
                except ImageFormatError as error:
                    if index in needed:
                        raise RecordingError(f"{self.path}: image {index}: {error}") from error
                    self.unreadable[stream.topic] += 1
            if not left:
                return

    def _images(self, stream: Stream) -> Iterator[Any]:
        store = _typestore()
        for _, _, raw in self.files.messages([stream.topic]):
            if (message := _message(store, raw, stream.kind)) is not None:
                yield message


def read_bag(files: BagFiles, topics: Topics) -> Bag:
    """Read a bag's streams, without the pixels of its images.

    Args:
        files: The bag's files.
        topics: Which topics to read. If no image topic is named or has the default name, the only
            one with images is taken.

    Raises:
        RecordingError: The bag has no images, lacks a topic that was named, or has several topics
            for a role.
    """
    path = files.path
    kinds = {topic.name: topic.kind for topic in files.topics.values() if topic.encoding in _CDR}
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
    bag = Bag(files, streams)
    store = _typestore()
    for topic, time, raw in files.messages(set(chosen.values())):
        message = _message(store, raw, kinds[topic])
        if message is None:
            bag.unreadable[topic] += 1
            continue
        for stream in streams.values():
            if stream.topic == topic and not stream.add(message, time * 1e-9):
                bag.unreadable[topic] += 1
    bag.streams = {role: stream for role, stream in streams.items() if stream.times}
    if "image" not in bag.streams:
        raise RecordingError(
            f"{path}: no message was recorded on {chosen['image']}: is the camera running?"
        )
    return bag


def _typestore() -> Typestore:
    try:
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise RecordingError(
            f"Reading bags needs the Python package rosbags, which cannot be imported ({error}): "
            "pip install rosbags"
        ) from error
    return get_typestore(Stores.ROS2_JAZZY)


def _message(store: Typestore, raw: bytes, kind: str) -> Any:
    """Return a message, or None if its bytes are damaged.

    The types read here are the same in every distribution of ROS 2, so the definitions in the bag,
    which may be empty, are not needed.
    """
    try:
        return store.deserialize_cdr(raw, kind)
    except Exception:  # of foreign bytes, anything
        return None


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
    return listed(f"{topic} ({kind or 'no type'})" for topic, kind in sorted(kinds.items()))
