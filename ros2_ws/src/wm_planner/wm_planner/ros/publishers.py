"""Who publishes on a topic or reads it, so that a wrong node is noticed and named."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo

from wm_planner.message_limits import MAX_NAME
from wm_planner.text import listed, one_line

ALIVE = 5.0  # [s] a sender that was silent for longer does not go on
LOSS = 64  # numbers that one sender may lose at once
MEMORY = 10.0  # [s] for which two senders count after both were heard
LEASE = (
    30.0  # [s] after which the middleware lists no killed publisher (20 s by Fast DDS's default)
)
PARTICIPANT = 12  # bytes of a DDS identifier that tell the process (GuidPrefix of RTPS)
UNKNOWN = "_NODE_NAME_UNKNOWN_"  # rmw's name of a node that is not discovered yet, or not of ROS


def publisher_names(node: Node, topic: str) -> set[str]:
    """Return the full names of the nodes that publish on a topic, as far as they are known."""
    infos = node.get_publishers_info_by_topic(topic)
    return {full_name(info) for info in infos if info.node_name != UNKNOWN}


def full_name(info: TopicEndpointInfo) -> str:
    """Return the full name of the node of a publisher or a subscription."""
    return f"{info.node_namespace.rstrip('/')}/{info.node_name}"


@dataclass
class _Sender:
    """The number and the time [s, steady clock] of the newest message of one publisher."""

    number: int
    steady: float


class Senders:
    """Tells from the sequence numbers of messages that two publishers speak in turn.

    The numbers of one publisher rise by one, or by a little more if messages are lost. A publisher
    that was started again counts from 1, but the numbers before are never continued. So two
    publishers are proven when a message continues the numbers that another one interrupted.
    """

    def __init__(self) -> None:
        self._senders: list[_Sender] = []  # the one heard last is the last
        self._both = -math.inf

    def heard(self, number: int | None, steady: float) -> None:
        """Take the sequence number of a message, and when it arrived [s, steady clock].

        The number is None if the middleware gives none; such messages prove nothing.
        """
        if number is None:
            return
        last = self._senders[-1] if self._senders else None
        if last and number == last.number + 1:
            last.number, last.steady = number, steady
            return
        self._senders = [s for s in self._senders if steady - s.steady < ALIVE]
        fitting = [s for s in self._senders if 0 < number - s.number <= LOSS]
        if not fitting:
            self._senders.append(_Sender(number, steady))
            return
        sender = min(fitting, key=lambda s: number - s.number)
        if sender is not last:
            self._both = steady
        self._senders.remove(sender)
        self._senders.append(_Sender(number, steady))

    def several(self, steady: float) -> bool:
        """Return whether two publishers were heard in the last ``MEMORY`` seconds."""
        return steady - self._both < MEMORY


class PublisherWatch:
    """Notices that a topic of the inputs has a second publisher.

    Publishers of nodes with different names count at once. Those of the same name, and those that
    belong to no node of ROS, count when both are heard, or when both stay for ``LEASE``, each in a
    process of its own: the middleware lists a killed publisher beside its successor until its lease
    ends.

    Args:
        node: Knows the publishers.
        topic: The full name of the topic.
        shared: Whether several nodes may publish on the topic, as on ``joint_states``, if each
            publishes other parts of the input. Only publishers that are heard count then.
    """

    def __init__(self, node: Node, topic: str, *, shared: bool = False) -> None:
        self._node, self._topic, self._shared = node, topic, shared
        self._senders: dict[str, Senders] = {}
        self._seen: dict[bytes, float] = {}  # when each process was first listed [s, steady]

    def heard(self, info: Mapping[str, Any], parts: Iterable[str] = ("",)) -> None:
        """Take the info of a message, and which parts of the input it has, e.g. which joints."""
        number, steady = info["publication_sequence_number"], time.monotonic()
        for part in parts:
            senders = self._senders.get(part)
            if senders is None:
                senders = self._senders[part] = Senders()
            senders.heard(number, steady)

    @property
    def problem(self) -> str:
        """A sentence if the topic has a second publisher, else an empty string."""
        if self._node.count_publishers(self._topic) < 2:
            self._senders.clear()  # the second one has ended
            self._seen.clear()
            return ""
        steady = time.monotonic()
        known = list(self._senders.items())  # a thread may ask while messages arrive
        twice = [part for part, senders in known if senders.several(steady)]
        names = sorted(publisher_names(self._node, self._topic))
        if not twice and (self._shared or (len(names) < 2 and not self._several_stay(steady))):
            return ""
        what = f"{listed(filter(None, twice))} on {self._topic}" if self._shared else self._topic
        if len(names) == 1:
            who = f"two publishers of the name {one_line(names[0], MAX_NAME)}"
        else:
            who = listed(names, 5) if names else "two publishers"
        return (
            f"{what} comes from more than one publisher ({who}): end all but one, or remap the "
            "planner's topic to one that only its source publishes"
        )

    def _several_stay(self, steady: float) -> bool:
        """Return whether publishers of two processes have been listed for ``LEASE``."""
        infos = self._node.get_publishers_info_by_topic(self._topic)
        processes = {bytes(info.endpoint_gid[:PARTICIPANT]) for info in infos}
        self._seen = {process: self._seen.get(process, steady) for process in processes}
        return sum(steady - since >= LEASE for since in self._seen.values()) > 1
