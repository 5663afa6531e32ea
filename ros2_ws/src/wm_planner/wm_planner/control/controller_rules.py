"""Whether commands mean the same to a running controller, by its parameters.

``ros/controller_check.py`` asks for them. Their names are those of ros2_controllers
(forward_command_controller, joint_trajectory_controller), cartesian_controllers
(``robot_base_link``), crisp_controllers (``base_frame``) and MoveIt Servo (``moveit_servo.*``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from wm_planner.command_types import COMMAND_TYPES
from wm_planner.config import CommandsConfig
from wm_planner.control.receiver import LONGEST_HALT, other_joints, sends_velocity
from wm_planner.text import listed, quoted

PARAMETERS: Mapping[str, type] = MappingProxyType(
    {
        "joints": list,
        "interface_name": str,
        "interface_names": list,
        "allow_partial_joints_goal": bool,
        "interpolate_from_desired_state": bool,
        "robot_base_link": str,
        "base_frame": str,
        "moveit_servo.command_in_type": str,
        "moveit_servo.scale.linear": float,
        "moveit_servo.scale.rotational": float,
        "moveit_servo.incoming_command_timeout": float,
    }
)
"""Parameters that a controller is asked for, with their types; lists hold names."""


@dataclass(frozen=True)
class Mismatch:
    """A parameter of the controller that does not fit the commands.

    Attributes:
        sentence: What is wrong, and what to do.
        stops: Whether the arm could move wrongly, so that no goal may be pursued.
    """

    sentence: str
    stops: bool = True


@dataclass(frozen=True)
class Sender:
    """What the planner sends.

    Attributes:
        config: The settings of the receiver.
        joints: The commanded joints; empty for Cartesian commands.
        frame: ``frame_id`` of Cartesian commands.
        max_speed: ``limits.max_speed`` [m/s].
        max_angular_speed: ``limits.max_angular_speed`` [rad/s]; 0: the hand does not turn.
    """

    config: CommandsConfig
    joints: tuple[str, ...]
    frame: str
    max_speed: float
    max_angular_speed: float = 0.0

    @property
    def anonymous(self) -> bool:
        """Whether the commands are bare numbers."""
        return COMMAND_TYPES[self.config.type].anonymous


Values = Mapping[str, Any]


def compare(sender: Sender, values: Values) -> list[Mismatch]:
    """Return what does not fit between the commands and a controller's parameters.

    Args:
        sender: What is sent.
        values: Those of ``PARAMETERS`` that the controller has, each of the type given there.
    """
    return [found for rule in RULES for found in rule(sender, values)]


def _space(sender: Sender, values: Values) -> Iterator[Mismatch]:
    """A controller that forwards numbers to joints takes no pose or twist."""
    if sender.anonymous and "interface_names" in values:
        yield Mismatch(
            "it forwards several interfaces of a single joint (interface_names): choose a "
            "controller of the whole arm"
        )
        return
    forwards = "interface_name" in values or "interpolate_from_desired_state" in values
    if not sender.joints and (forwards or (sender.anonymous and values.get("joints"))):
        yield Mismatch(
            "it takes joints, but the commands are Cartesian: choose its profile and set "
            "commands.kinematics, or choose a controller with inverse kinematics"
        )
    if sender.joints and "robot_base_link" in values:
        yield Mismatch("it takes poses, but the commands are for joints: choose another controller")


def _joints(sender: Sender, values: Values) -> Iterator[Mismatch]:
    """The names must agree, of bare numbers also the order.

    A joint_trajectory_controller checks names and count against ``joints``; its ``command_joints``
    only name the interfaces to which it writes.
    """
    taken = values.get("joints")
    if not sender.joints or not taken:
        return
    config = sender.config
    some = config.type == "joint_state" or (
        config.type == "joint_trajectory" and values.get("allow_partial_joints_goal") is True
    )
    if why := other_joints(sender.joints, taken, some=some):
        yield Mismatch(why)
    elif sender.anonymous:
        order = config.receiver_joints or list(sender.joints)
        if order != taken:
            yield Mismatch(
                f"it takes the joints in the order {listed(taken, 7)}, but they are sent as "
                f"{listed(order, 7)}: set commands.receiver_joints to its order"
            )


def _interface(sender: Sender, values: Values) -> Iterator[Mismatch]:
    forwarded = values.get("interface_name")
    if not sender.joints or not forwarded:
        return
    name = "velocity" if sends_velocity(sender.config) else "position"
    if forwarded != name:
        yield Mismatch(
            f"its interface_name is {quoted(forwarded)}, but the commands are of {name}: choose "
            "the profile of this controller, or set commands.interface"
        )
    elif name == "velocity" and sender.config.receiver_timeout:
        yield Mismatch(
            "it has an interface_name, as a forward controller, which keeps the last velocity "
            f"forever, but commands.receiver_timeout is {sender.config.receiver_timeout:g} s: set "
            "it to 0, or use a receiver with a timeout",
            stops=False,
        )


def _interpolation(sender: Sender, values: Values) -> Iterator[Mismatch]:
    if values.get("interpolate_from_desired_state") is False:
        yield Mismatch(
            "its parameter interpolate_from_desired_state is false, so that each command starts "
            "at the measured position and the arm steps back by its tracking error: set it to true",
            stops=False,
        )


def _frame(sender: Sender, values: Values) -> Iterator[Mismatch]:
    for name in ("robot_base_link", "base_frame"):
        base = values.get(name)
        if base and not sender.joints and base != sender.frame:
            yield Mismatch(
                f"its {name} is {quoted(base)}, but the commands are in the frame "
                f"{quoted(sender.frame)}: set commands.frame if both are the same link, otherwise "
                "use a controller of that link"
            )


def _servo(sender: Sender, values: Values) -> Iterator[Mismatch]:
    units = values.get("moveit_servo.command_in_type", "speed_units")
    if units != "speed_units":
        yield Mismatch(
            f"its moveit_servo.command_in_type is {quoted(units)}, but the commands are in m/s: "
            "set it to speed_units"
        )
    for name, limit, most, unit in (
        ("linear", "max_speed", sender.max_speed, "m/s"),
        ("rotational", "max_angular_speed", sender.max_angular_speed, "rad/s"),
    ):
        scale = values.get(f"moveit_servo.scale.{name}")
        if scale is not None and 0 < scale < most:  # one of 0 cuts nothing
            yield Mismatch(
                f"its moveit_servo.scale.{name} is {scale:g} {unit}, less than limits.{limit} "
                f"({most:g} {unit}), so faster commands are cut: make both equal",
                stops=False,
            )
    timeout = values.get("moveit_servo.incoming_command_timeout")
    if timeout is not None and (why := _wrong_timeout(sender.config, timeout)):
        yield Mismatch(
            f"its moveit_servo.incoming_command_timeout is {timeout:g} s, {why}", stops=False
        )


def _wrong_timeout(config: CommandsConfig, timeout: float) -> str:
    """Return what is wrong with the time [s] after which a receiver halts, or an empty string."""
    longest = config.receiver_timeout or LONGEST_HALT
    if timeout <= 0:
        return "so it follows no command: set it to 0.1 s, and start it again"
    if timeout > longest:
        return (
            f"longer than the {longest:g} s that commands.receiver_timeout allows, so the arm goes "
            f"on for that time if the planner is killed: set it to {longest:g} s"
        )
    if timeout < 2 / config.rate:
        return (
            f"shorter than two periods of the commands ({2 / config.rate:g} s at commands.rate "
            f"{config.rate:g} Hz), so the arm halts between commands: raise it, or commands.rate"
        )
    return ""


RULES: tuple[Callable[[Sender, Values], Iterator[Mismatch]], ...] = (
    _space,
    _joints,
    _interface,
    _interpolation,
    _frame,
    _servo,
)
