"""A subscription to the measured pose of the arm."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from std_msgs.msg import Header

from wm_planner.ros.problem_log import ProblemLog
from wm_planner.ros.publishers import PublisherWatch
from wm_planner.ros.qos import on_incompatible_publisher, sensor_data_qos
from wm_planner.ros.ros_time import ArrivalStamps
from wm_planner.ros.silence import Silence
from wm_planner.types import Pose, Vector


class PoseInput(ABC):
    """Subscribes to measured poses; drops messages that cannot be used, and logs why.

    Args:
        node: Its logger, clock and topic names are used.
        kind: Type of the messages.
        topic: The topic, before remapping.
        max_age: A message older than this when it arrives is dropped [s].
        on_pose: Called with every good pose.
        shared: See ``PublisherWatch``.

    Attributes:
        publishers: Notices a second publisher.
    """

    _unrelated = ""

    def __init__(
        self,
        node: Node,
        kind: type,
        topic: str,
        max_age: float,
        on_pose: Callable[[Pose], None],
        *,
        shared: bool = False,
    ) -> None:
        self._node, self._on_pose = node, on_pose
        self._stamps = ArrivalStamps(node, topic, "session.pose_timeout")
        self.max_age = max_age
        self._problem, self._good_steady = ProblemLog(node, "no measured pose"), -math.inf
        self._subscription = node.create_subscription(
            kind,
            topic,
            self._on_message,
            self.qos(),
            event_callbacks=on_incompatible_publisher(lambda: topic, self._problem.report_lasting),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        name = self._subscription.topic_name
        self.publishers = PublisherWatch(node, name, shared=shared)
        self._silence = Silence(node, name, kind, unrelated=lambda: self.unrelated)

    def parts(self, message: Any) -> Collection[str]:
        """Return which parts of the pose a message has; empty if it is about something else.

        Raises:
            ValueError: The message cannot be used.
        """
        return ("",)

    @property
    def unrelated(self) -> str:
        """That messages are about something else, as a sentence, or an empty string."""
        return self._unrelated

    @property
    def second_publisher(self) -> str:
        """That the pose has a second publisher, as a sentence, or an empty string."""
        return self.publishers.problem

    def is_new(self, message: Any) -> bool:
        """Return whether a message gives a new pose."""
        return True

    def qos(self) -> QoSProfile:
        """Return the quality of service of the subscription."""
        return sensor_data_qos()

    def header(self, message: Any) -> Header:
        """Return the header that has the stamp of a message that was read."""
        return message.header

    @abstractmethod
    def read(self, message: Any) -> tuple[Vector, Vector, Vector | None]:
        """Return position, orientation and joints of a message, see ``Pose``.

        Raises:
            ValueError: The message cannot be used.
        """

    @property
    def problem(self) -> str:
        """What is wrong with the messages, or an empty string."""
        silent = self._silence.problem(self._good_steady, self.max_age)
        return self._problem.why(silent, self.max_age)

    @property
    def _ever(self) -> bool:
        """Whether a usable message has arrived."""
        return math.isfinite(self._good_steady)

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def _on_message(self, message: Any, info: dict[str, Any]) -> None:
        try:
            parts = self.parts(message)
            if not parts:
                return
            self.publishers.heard(info, parts)
            if not self.is_new(message):
                return
            position, orientation, joints = self.read(message)
            stamp = self._stamps.read(self.header(message), self.max_age)
        except ValueError as error:
            self._problem.report(str(error))
            return
        self._problem.report("")
        self._good_steady = time.monotonic()
        self._on_pose(Pose(position, orientation, self._good_steady, stamp, joints))
