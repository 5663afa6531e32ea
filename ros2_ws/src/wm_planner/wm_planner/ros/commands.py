"""The one publisher of commands: a checked command as the message that the arm's controller takes.

What each controller demands of its messages was read in its sources; ``config/profiles`` names the
files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from wm_planner.config import CommandsConfig
from wm_planner.control import Command
from wm_planner.control.mapping import sends_velocity
from wm_planner.models.spec import CommandMapping
from wm_planner.ros.qos import on_incompatible_subscription


class CommandMessages:
    """Writes commands as messages of one type.

    Args:
        config: Type, interface and frame.
        mapping: Names the joints.
        frame: Frame of the action.
    """

    def __init__(self, config: CommandsConfig, mapping: CommandMapping, frame: str) -> None:
        self._joints = list(mapping.joints)
        self._frame = config.frame or frame
        self._velocity = sends_velocity(config)
        self._duration = Duration(seconds=config.trajectory_time).to_msg()
        self.type, self._write = {
            "pose_stamped": (PoseStamped, self._pose),
            "twist_stamped": (TwistStamped, self._twist),
            "joint_state": (JointState, self._joint_state),
            "joint_trajectory": (JointTrajectory, self._trajectory),
            "float64_multi_array": (Float64MultiArray, self._numbers),
        }[config.type]

    def write(self, command: Command, stamp: Time) -> Any:
        """The message of a command.

        Args:
            command: A stop is the same pose or position again, or a velocity of zero.
            stamp: Current ROS time; moveit_servo halts on commands that are older than 0.1 s.
        """
        write: Callable[[Command, Time], Any] = self._write
        return write(command, stamp)

    def _pose(self, command: Command, stamp: Time) -> PoseStamped:
        message = PoseStamped()
        message.header.stamp, message.header.frame_id = stamp, self._frame
        p, q = message.pose.position, message.pose.orientation
        p.x, p.y, p.z = command.position.tolist()
        q.x, q.y, q.z, q.w = command.orientation.tolist()
        return message

    def _twist(self, command: Command, stamp: Time) -> TwistStamped:
        message = TwistStamped()
        message.header.stamp, message.header.frame_id = stamp, self._frame
        v = message.twist.linear
        v.x, v.y, v.z = command.velocity.tolist()
        return message

    def _joint_state(self, command: Command, stamp: Time) -> JointState:
        """Only what is commanded: for Isaac Sim an empty array leaves its drive as it is."""
        message = JointState(name=self._joints)
        message.header.stamp = stamp
        if self._velocity:
            message.velocity = command.velocity.tolist()
        else:
            message.position = command.position.tolist()
        return message

    def _trajectory(self, command: Command, stamp: Time) -> JointTrajectory:
        """One point ahead, which starts on arrival (a stamp of zero).

        On the way it has no velocity, since joint_trajectory_controller rejects a trajectory that
        ends with one; a stop has zero.
        """
        point = JointTrajectoryPoint(
            positions=command.position.tolist(), time_from_start=self._duration
        )
        if command.stop:
            point.velocities = command.velocity.tolist()
        return JointTrajectory(joint_names=self._joints, points=[point])

    def _numbers(self, command: Command, stamp: Time) -> Float64MultiArray:
        """One number per joint; without joints x, y, z, and their quaternion or angular zeros."""
        numbers = command.velocity if self._velocity else command.position
        rest: list[float] = []
        if not self._joints:
            rest = [0.0] * 3 if self._velocity else command.orientation.tolist()
        return Float64MultiArray(data=[*numbers.tolist(), *rest])


class CommandOutput:
    """Publishes commands, and sees who else publishes or listens.

    Args:
        node: Carries the publisher.
        config: Type, topic and reactions.
        mapping: Names the joints.
        frame: Frame of the action.
    """

    def __init__(
        self, node: Node, config: CommandsConfig, mapping: CommandMapping, frame: str
    ) -> None:
        self._node, self._config = node, config
        self._messages = CommandMessages(config, mapping, frame)
        self._incompatible = ""
        # A command that could not leave in time is replaced by the next: a depth of one.
        self._publisher = node.create_publisher(
            self._messages.type,
            config.topic,
            QoSProfile(depth=1),
            event_callbacks=on_incompatible_subscription(
                lambda: self._publisher.topic_name, self._report
            ),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def close(self) -> None:
        """Stop publishing."""
        self._node.destroy_publisher(self._publisher)

    def publish(self, command: Command) -> None:
        """Send a command."""
        stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(self._messages.write(command, stamp))

    @property
    def intruder(self) -> str:
        """Who else publishes on the topic, as a sentence, or an empty string."""
        topic = self._publisher.topic_name
        if self._node.count_publishers(topic) <= 1:
            return ""
        names = {
            f"{info.node_namespace.rstrip('/')}/{info.node_name}"
            for info in self._node.get_publishers_info_by_topic(topic)
        } - {self._node.get_fully_qualified_name()}
        who = ", ".join(sorted(names)) or "a node of the same name"
        return (
            f"{who} also publishes on {topic}: the arm gets two commanders, end one or give the "
            "planner a topic of its own (commands.topic)"
        )

    @property
    def deaf(self) -> str:
        """That nobody listens, as a sentence, or an empty string."""
        if self._publisher.get_subscription_count():
            return ""
        return (
            f"nobody subscribes to {self._publisher.topic_name}: is the arm's controller running, "
            "and is this the topic it takes?"
        )

    @property
    def stops(self) -> str:
        """Why a goal under way must end, or an empty string."""
        return self.intruder if self._config.second_publisher == "stop" else ""

    @property
    def refuses(self) -> str:
        """Why no goal may begin, or an empty string."""
        return self.stops or (self.deaf if self._config.no_subscriber == "refuse" else "")

    @property
    def problems(self) -> list[str]:
        """Sentences for the diagnostics."""
        return [text for text in (self.intruder, self.deaf, self._incompatible) if text]

    def _report(self, problem: str) -> None:
        self._incompatible = problem
        self._node.get_logger().warning(problem)
