"""``~/status`` and ``~/config``: the planner's state and last plan, and its settings."""

from __future__ import annotations

import math

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String
from wm_planner_msgs.msg import PlanStatus

from wm_planner.config import Config, to_yaml
from wm_planner.control import INACTIVE, ErrorCode, Status, StopRecord
from wm_planner.ros import log
from wm_planner.ros.report_messages import describe_plan
from wm_planner.ros.ros_time import now, seconds_to_time
from wm_planner.ros.snapshot import Snapshot
from wm_planner.text import one_line
from wm_planner.worker import Planned

PURSUING = Status(ErrorCode.NONE, "pursuing a goal")
READY = Status(ErrorCode.NONE, "ready for a goal")


class StatusPublisher:
    """Publishes both topics latched: late subscribers get the latest messages.

    Methods take the snapshot to publish with the state; None if the node is not configured.

    Args:
        node: Its clock and logger are used.

    Attributes:
        status: The reason for the state.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._status = node.create_publisher(PlanStatus, "~/status", latched)
        self._config = node.create_publisher(String, "~/config", latched)
        self._state, self.status = PlanStatus.INACTIVE, INACTIVE
        self._rejection = ""
        self._plan: Planned | None = None
        self._image_age = math.nan

    def publish_config(self, config: Config) -> None:
        """Publish the settings as YAML."""
        self._config.publish(String(data=to_yaml(config)))

    def change(self, state: int, status: Status, snapshot: Snapshot | None) -> None:
        """Publish a new state and its reason."""
        self._state, self.status = state, status
        self.publish(snapshot)

    def ready(self, snapshot: Snapshot, stopped: StopRecord | None) -> None:
        """Publish that goals are accepted, or since a stop are not."""
        if stopped:
            self.change(PlanStatus.HOLDING, stopped.status, snapshot)
        else:
            self.change(PlanStatus.IDLE, READY, snapshot)

    def begin(self, snapshot: Snapshot) -> None:
        """Publish that a goal began."""
        self._plan, self._image_age, self._rejection = None, math.nan, ""
        self.change(PlanStatus.ACTIVE, PURSUING, snapshot)

    def step(self, plan: Planned, image_age: float, snapshot: Snapshot) -> None:
        """Publish a plan that the arm follows, and the age of its image [s, ROS time]."""
        self._plan, self._image_age = plan, image_age
        self.change(PlanStatus.ACTIVE, PURSUING, snapshot)

    def reject(self, reason: Status, snapshot: Snapshot | None) -> None:
        """Log and publish why a goal was rejected, and keep it as a warning; the state stays."""
        self._rejection = f"goal rejected: {reason.message}"
        log.error(self._node, self._rejection)
        self.publish(snapshot, Status(reason.code, self._rejection))

    def publish(self, snapshot: Snapshot | None, status: Status | None = None) -> None:
        """Publish the state, with another reason if one is given."""
        shadow = snapshot is not None and snapshot.commands.shadow
        if status is None:
            status = Status(self.status.code, f"{'shadow: ' * shadow}{self.status.message}")
        message = PlanStatus(state=self._state, error_code=int(status.code))
        message.message, message.shadow = status.message, shadow
        message.header.stamp = seconds_to_time(now(self._node))
        if snapshot:
            describe_plan(message, self._plan, self._image_age, snapshot.action_frame)
            self._describe(message, snapshot)
        self._status.publish(message)

    def _describe(self, message: PlanStatus, snapshot: Snapshot) -> None:
        camera, commands = snapshot.camera, snapshot.commands
        message.images_received, message.images_dropped = camera.received, camera.dropped
        message.commands_sent, message.commands_clamped = commands.sent, commands.clamped
        message.speed_override = snapshot.speed_override
        message.unverified_statistics = snapshot.unverified_statistics
        inputs = [text for text in (camera.problem, snapshot.pose_problem) if text]
        message.inputs_ready = not inputs
        warnings = [
            *snapshot.worker.warnings,
            *inputs,
            *snapshot.other_publishers,
            *snapshot.not_allowed,
            *([self._rejection] if self._rejection else []),
            *(finding.sentence for finding in camera.findings),
            *camera.irregular,
            *commands.problems,
        ]
        message.warnings = [one_line(text) for text in warnings]
