"""Write commands as messages.

The requirements of each controller are from its source code (``config/profiles``). To add a type
of message, add a line to ``wm_planner/command_types.py``, a function here, and a row to
docs/reference/commands.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.duration import Duration
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from wm_planner.command_types import COMMAND_TYPES
from wm_planner.config import CommandsConfig
from wm_planner.control.receiver import sends_velocity
from wm_planner.types import Command


@dataclass(frozen=True)
class Format:
    """What the messages contain besides the command.

    Attributes:
        joints: Names of the commanded joints.
        frame: ``frame_id`` of Cartesian commands.
        velocity: Whether messages that can carry both carry velocities, not positions.
        duration: Time from the arrival of a trajectory to its point.
        order: For each joint of the receiver, the index of its number in a command.
    """

    joints: list[str]
    frame: str
    velocity: bool
    duration: Any
    order: list[int]


Writer = Callable[[Command, Time, Format], Any]
WRITERS: dict[str, tuple[type, Writer]] = {}
"""Type of message and function that writes it, by the value of ``commands.type``."""


def writes(name: str, kind: type) -> Callable[[Writer], Writer]:
    """Register a function that writes commands as messages of a type."""

    def register(writer: Writer) -> Writer:
        WRITERS[name] = kind, writer
        return writer

    return register


class CommandMessages:
    """Writes commands as messages of the configured type.

    Args:
        config: Type, interface and frame.
        joints: Names of the commanded joints; empty for Cartesian commands.
        frame: Frame of the actions.

    Attributes:
        type: The type of the messages.
    """

    def __init__(self, config: CommandsConfig, joints: Sequence[str], frame: str) -> None:
        self.type, self._write = WRITERS[config.type]
        self._format = Format(
            list(joints),
            config.frame or frame,
            sends_velocity(config),
            Duration(seconds=config.trajectory_time).to_msg(),
            [list(joints).index(name) for name in config.receiver_joints or joints]
            if COMMAND_TYPES[config.type].anonymous
            else [],
        )

    def write(self, command: Command, stamp: Time) -> Any:
        """Return the message of a command.

        Args:
            command: A stop repeats the last pose or position, or has zero velocity.
            stamp: Current ROS time; moveit_servo halts on commands older than 0.1 s.
        """
        return self._write(command, stamp, self._format)


@writes("pose_stamped", PoseStamped)
def _pose(command: Command, stamp: Time, form: Format) -> PoseStamped:
    message = PoseStamped()
    message.header.stamp, message.header.frame_id = stamp, form.frame
    p, q = message.pose.position, message.pose.orientation
    p.x, p.y, p.z = command.position.tolist()
    q.x, q.y, q.z, q.w = command.orientation.tolist()
    return message


@writes("twist_stamped", TwistStamped)
def _twist(command: Command, stamp: Time, form: Format) -> TwistStamped:
    message = TwistStamped()
    message.header.stamp, message.header.frame_id = stamp, form.frame
    v, w = message.twist.linear, message.twist.angular
    v.x, v.y, v.z = command.velocity.tolist()
    w.x, w.y, w.z = command.angular_velocity.tolist()
    return message


@writes("joint_state", JointState)
def _joint_state(command: Command, stamp: Time, form: Format) -> JointState:
    """Fill only the commanded array: Isaac Sim does not change drives whose array is empty."""
    message = JointState(name=form.joints)
    message.header.stamp = stamp
    if form.velocity:
        message.velocity = command.velocity.tolist()
    else:
        message.position = command.position.tolist()
    return message


@writes("joint_trajectory", JointTrajectory)
def _trajectory(command: Command, stamp: Time, form: Format) -> JointTrajectory:
    """Return a trajectory of one point, which starts on arrival (its stamp is zero).

    The point has no velocity, because joint_trajectory_controller rejects a trajectory that ends
    with a nonzero velocity. Only a stop has a velocity, which is zero.
    """
    point = JointTrajectoryPoint(positions=command.position.tolist(), time_from_start=form.duration)
    if command.stop:
        point.velocities = command.velocity.tolist()
    return JointTrajectory(joint_names=form.joints, points=[point])


@writes("float64_multi_array", Float64MultiArray)
def _numbers(command: Command, stamp: Time, form: Format) -> Float64MultiArray:
    """Return one number per joint of the receiver; or a pose, or a twist."""
    numbers = command.velocity if form.velocity else command.position
    if form.joints:
        return Float64MultiArray(data=numbers[form.order].tolist())
    rest = command.angular_velocity if form.velocity else command.orientation
    return Float64MultiArray(data=[*numbers.tolist(), *rest.tolist()])
