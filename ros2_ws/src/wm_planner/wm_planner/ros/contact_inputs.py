"""The sensors of the contact stop: wrench and joint efforts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from geometry_msgs.msg import WrenchStamped
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import JointState

from wm_planner.control.permission import ContactStop
from wm_planner.ros.commanded_joints import TOPIC, other_names, too_many_joints
from wm_planner.ros.problem_log import ProblemLog
from wm_planner.ros.publishers import PublisherWatch
from wm_planner.ros.qos import on_incompatible_publisher, sensor_data_qos
from wm_planner.ros.ros_time import ArrivalStamps
from wm_planner.ros.silence import Silence


class ContactInputs:
    """Subscribes to the sensors that are watched; what they measure stops the arm in the callback.

    Args:
        node: Carries the subscriptions.
        contact: Judges the measurements.
        max_age: A measurement older than this when it arrives is dropped [s].
        on_contact: Called with the reason when a goal has to end.

    Attributes:
        publishers: Notice a second publisher, by topic.
    """

    def __init__(
        self,
        node: Node,
        contact: ContactStop,
        max_age: float,
        on_contact: Callable[[str], None],
    ) -> None:
        self._node, self._contact, self._on_contact = node, contact, on_contact
        self._max_age = max_age
        self._dropped: dict[str, ProblemLog] = {}  # why messages were dropped last, by topic
        self._subscriptions: list[Subscription] = []
        self.publishers: dict[str, PublisherWatch] = {}
        self._silences: dict[str, Silence] = {}
        self._stamps: dict[str, ArrivalStamps] = {}
        self._unrelated = ""
        contact.why_silent = lambda topic: self._silences[topic].why()
        if contact.watches_wrench:
            contact.wrench_topic = self._subscribe(WrenchStamped, "wrench", self._on_wrench)
        if contact.watches_efforts:
            contact.joints_topic = self._subscribe(JointState, TOPIC, self._on_joints)

    @property
    def problems(self) -> list[str]:
        """Why messages were dropped, as sentences."""
        return [dropped.text for dropped in self._dropped.values() if dropped.text]

    def close(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _subscribe(self, kind: type, topic: str, callback: Callable[..., None]) -> str:
        """Subscribe, and return the full name of the topic."""
        self._stamps[topic] = ArrivalStamps(self._node, topic, "safety.sensor_timeout")
        dropped = self._dropped[topic] = ProblemLog(self._node, "not used for the contact stop")
        subscription = self._node.create_subscription(
            kind,
            topic,
            callback,
            sensor_data_qos(),
            event_callbacks=on_incompatible_publisher(lambda: topic, dropped.report),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        self._subscriptions.append(subscription)
        name, shared = subscription.topic_name, kind is JointState  # by arm and gripper
        self.publishers[topic] = PublisherWatch(self._node, name, shared=shared)
        self._silences[str(name)] = Silence(
            self._node, name, kind, unrelated=lambda: self._unrelated if shared else ""
        )
        return str(name)

    def _on_wrench(self, message: WrenchStamped, info: dict[str, Any]) -> None:
        self.publishers["wrench"].heard(info)
        if self._fresh(message, "wrench"):
            f, t = message.wrench.force, message.wrench.torque
            wrench = (f.x, f.y, f.z), (t.x, t.y, t.z)
            self._judge(self._contact.take_wrench(*wrench, time.monotonic()))

    def _on_joints(self, message: JointState, info: dict[str, Any]) -> None:
        if why := too_many_joints(message):
            self._dropped[TOPIC].report(why)
            return
        joints = self._contact.watched(message.name)
        wanted = self._contact.joints
        setting = "safety.effort_joints"
        self._unrelated = "" if joints else other_names(message.name, wanted, setting)
        self.publishers[TOPIC].heard(info, joints)
        if joints and self._fresh(message, TOPIC):
            efforts = self._contact.take_efforts(message.name, message.effort, time.monotonic())
            self._judge(efforts)

    def _fresh(self, message: Any, topic: str) -> bool:
        """Return whether the stamp of a message allows to use it."""
        try:
            self._stamps[topic].read(message.header, self._max_age)
        except ValueError as error:
            self._dropped[topic].report(str(error))
            return False
        self._dropped[topic].report("")
        return True

    def _judge(self, why: str) -> None:
        if why:
            self._on_contact(why)
