"""The node's last word: its state, what is wrong, and the last plan, on ``~/status``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String
from wm_planner_msgs.msg import PlanStatus

from wm_planner.config import Config, to_yaml
from wm_planner.control import ErrorCode, Status
from wm_planner.control.loop import STOPPED
from wm_planner.ros.conversions import describe_plan, seconds_to_time
from wm_planner.worker import Planned

if TYPE_CHECKING:
    from wm_planner.ros.runtime import PlannerRuntime

INACTIVE = Status(ErrorCode.NOT_ACTIVE, "the node is not active: configure and activate it")


class Reporter:
    """Publishes ``~/status`` and ``~/config``, latched: who comes later still reads the last word.

    Args:
        node: Its clock and logger are used.

    Attributes:
        operation: The configured planner, None without one.
        outcome: Why the state is what it is.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._status = node.create_publisher(PlanStatus, "~/status", latched)
        self._config = node.create_publisher(String, "~/config", latched)
        self.operation: PlannerRuntime | None = None
        self._state, self.outcome = PlanStatus.INACTIVE, INACTIVE
        self._rejection = ""
        self._plan: Planned | None = None
        self._image_age = math.nan

    def config(self, config: Config) -> str:
        """Publish the settings; returns them as text."""
        text = to_yaml(config)
        self._config.publish(String(data=text))
        return text

    def tell(self, state: int, outcome: Status) -> None:
        """Publish a new state and its reason."""
        self._state, self.outcome = state, outcome
        self.publish()

    def ready(self, *, stopped: bool) -> None:
        """No goal is under way, and they are taken, or refused after a stop."""
        if stopped:
            self.tell(PlanStatus.HOLDING, Status(ErrorCode.STOPPED, STOPPED))
        else:
            self.tell(PlanStatus.IDLE, Status(ErrorCode.NONE, "ready for a goal"))

    def begin(self) -> None:
        """A goal began."""
        self._plan, self._image_age, self._rejection = None, math.nan, ""
        self.tell(PlanStatus.ACTIVE, Status(ErrorCode.NONE, "pursuing a goal"))

    def step(self, plan: Planned, image_age: float) -> None:
        """A plan was used; its image's age [s, ROS time]."""
        self._plan, self._image_age = plan, image_age
        self.tell(PlanStatus.ACTIVE, Status(ErrorCode.NONE, "pursuing a goal"))

    def reject(self, reason: Status) -> None:
        """Say why a goal was rejected, and keep it among the warnings; the state stays."""
        self._rejection = f"goal rejected: {reason.message}"
        self._node.get_logger().error(self._rejection)
        self.publish(Status(reason.code, self._rejection))

    def publish(self, outcome: Status | None = None) -> None:
        """Publish the state, with another reason if one is given."""
        outcome = outcome or self.outcome
        status = PlanStatus(state=self._state, error_code=int(outcome.code))
        status.message = outcome.message
        status.header.stamp = seconds_to_time(self._node.get_clock().now().nanoseconds * 1e-9)
        if self.operation:
            describe_plan(status, self._plan, self._image_age, self.operation.spec)
            self._describe_inputs(status, self.operation)
        self._status.publish(status)

    def _describe_inputs(self, status: PlanStatus, parts: PlannerRuntime) -> None:
        camera = parts.inputs.camera
        status.images_received, status.images_dropped = camera.received, camera.dropped
        status.commands_sent = parts.loop.commander.sent
        status.commands_clamped = parts.loop.commander.gate.counters.clamped
        status.unverified_statistics = bool(parts.spec.statistics.problem())
        ready = parts.link.ready
        inputs = (parts.inputs.observer.problem, parts.inputs.pose.problem)
        status.inputs_ready = not any(inputs)
        status.warnings = [
            *(ready.warnings if ready else []),
            *(problem for problem in (*inputs, self._rejection) if problem),
            *(finding.sentence for finding in parts.inputs.contract.findings),
            *parts.commands.problems,
        ]
