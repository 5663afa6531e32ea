"""Why nothing usable arrives on a topic, and what to change."""

from __future__ import annotations

import functools
import math
import os
import pwd
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rclpy.utilities import get_rmw_implementation_identifier

from wm_planner.text import listed, one_line

SHARED_MEMORY = Path("/dev/shm")
NAMELESS = 3.0  # [s] after which a publisher without a node's name is no new one
KEPT = 0.2  # [s] for which an answer is kept, because the graph of all topics is searched for it
_FILES = ("fastrtps_port", "fastdds_port")
_UNKNOWN = "_UNKNOWN_"  # in the name that rmw gives to a node whose own has not arrived
_HOST = 4  # bytes at the start of Fast DDS's identifiers: the vendor, and the host


class Silence:
    """Finds out why nothing usable arrives on a topic.

    Args:
        node: Knows the publishers.
        topic: The topic, after remapping.
        kind: Type of the messages that are read.
        remedies: What to change, by the type that arrives instead, e.g. ``std_msgs/msg/String``.
        unrelated: Returns that messages arrive which are about something else, as a sentence, or an
            empty string.
    """

    def __init__(
        self,
        node: Node,
        topic: str,
        kind: type,
        remedies: Mapping[str, str] | None = None,
        unrelated: Callable[[], str] = str,
    ) -> None:
        self._node, self._topic, self._kind = node, topic, type_name(kind)
        self._remedies, self._unrelated = remedies or {}, unrelated
        self._nameless_since = math.inf  # [s, steady clock]
        self._found = -math.inf, ""  # when, and what

    def problem(self, since: float, allowed: float) -> str:
        """Return that the topic has been silent for too long, as a sentence, or an empty string.

        Args:
            since: When the last usable message arrived [s, steady clock]; -inf: never.
            allowed: How long it may be silent [s].
        """
        age = time.monotonic() - since
        if age <= allowed:
            return ""
        how_long = f"for {age:.1f} s" if math.isfinite(age) else "yet"
        return f"no usable message on {self._topic} {how_long}: {self.why()}"

    def why(self) -> str:
        """Return why nothing usable arrives, as the end of a sentence; it may be ``KEPT`` old."""
        present = time.monotonic()
        if present - self._found[0] > KEPT:
            self._found = present, self._find()
        return self._found[1]

    def _find(self) -> str:
        publishers = self._node.get_publishers_info_by_topic(self._topic)
        if not publishers:
            return f"it has no publisher{self._elsewhere()}"
        types = sorted({info.topic_type for info in publishers})
        if self._kind not in types:
            known = [self._remedies[name] for name in types if name in self._remedies]
            remedy = known[0] if known else f"remap it to a topic of {self._kind}"
            return f"it carries {listed(types, 3)}, but {self._kind} is read: {remedy}"
        if unrelated := self._unrelated():
            return unrelated
        return self._unheard(publishers) or "its publisher is silent"

    def _elsewhere(self) -> str:
        """Return where messages of the type are published, as the end of a sentence."""
        names = self._node.get_topic_names_and_types()
        there = [n for n, types in names if self._kind in types and self._node.count_publishers(n)]
        if not there:
            return ""
        topics = listed(sorted(there), 3)
        return f"; {self._kind} is published on {topics}: remap it to the right one"

    def _unheard(self, publishers: list[Any]) -> str:
        """Return why publishers are known of whom no data arrives, not even their nodes' names."""
        nameless = [info for info in publishers if _UNKNOWN in info.node_name]
        present = time.monotonic()
        if len(nameless) < len(publishers):
            self._nameless_since = math.inf
            return ""
        self._nameless_since = min(self._nameless_since, present)
        if present - self._nameless_since < NAMELESS:
            return ""
        hosts = {bytes(info.endpoint_gid)[:_HOST] for info in nameless}
        if "fastrtps" not in get_rmw_implementation_identifier() or self._host() not in hosts:
            return (
                "nothing arrives from its publisher, not even the name of its node: does a "
                "firewall, or the network, stop its data?"
            )
        others = _other_users()
        whose = f"another user ({listed(others, 3)})" if others else "in another container"
        remedy = "run both as one user" if others else "give both one /dev/shm (--ipc=host)"
        return (
            f"its publisher runs as {whose}, and its data does not pass through shared memory: "
            f"{remedy}, or start it with FASTDDS_BUILTIN_TRANSPORTS=UDPv4 and without "
            "ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST"
        )

    def _host(self) -> bytes:
        """Return the start of this process's identifiers, empty if it has no publisher."""
        own = self._node.get_publishers_info_by_topic("/parameter_events")
        name = self._node.get_name()
        return next((bytes(i.endpoint_gid)[:_HOST] for i in own if i.node_name == name), b"")


def type_name(kind: type) -> str:
    """Return the name of a message type, e.g. ``sensor_msgs/msg/Image``."""
    return f"{kind.__module__.partition('.')[0]}/msg/{kind.__name__}"


def _other_users() -> list[str]:
    """Return the names of the other users who have shared memory of Fast DDS."""
    users = set()
    for file in SHARED_MEMORY.iterdir() if SHARED_MEMORY.is_dir() else ():
        if file.name.startswith(_FILES):
            try:
                users.add(file.stat().st_uid)
            except OSError:
                continue  # its process has ended
    return sorted(_user_name(user) for user in users - {os.geteuid()})


@functools.cache  # because a directory service may take seconds to answer
def _user_name(user: int) -> str:
    try:
        return one_line(pwd.getpwuid(user).pw_name)
    except KeyError:
        return f"user {user}"
