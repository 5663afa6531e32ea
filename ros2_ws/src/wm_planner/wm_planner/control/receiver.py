"""Whether commands mean the same to their receiver: its space, joints, interface and frame.

``check_receiver`` compares the settings when the node is configured, ``compare`` the parameters of
a running controller, which ``ros/controller_check.py`` asks for. Their names are those of
ros2_controllers (forward_command_controller, joint_trajectory_controller), cartesian_controllers
(``robot_base_link``) and MoveIt Servo (``moveit_servo.*``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wm_planner.command_types import COMMAND_TYPES
from wm_planner.config import CommandsConfig, ConfigError
from wm_planner.models.spec import CommandMapping

PARAMETERS = (
    "joints",
    "command_joints",
    "interface_name",
    "command_interfaces",
    "interpolate_from_desired_state",
    "robot_base_link",
    "moveit_servo.command_in_type",
    "moveit_servo.scale.linear",
    "moveit_servo.incoming_command_timeout",
)
"""Parameters that a controller is asked for."""


def sends_velocity(config: CommandsConfig) -> bool:
    """Return whether the commands are velocities, not positions."""
    velocity = COMMAND_TYPES[config.type].velocity
    return config.interface == "velocity" if velocity is None else velocity


def check_receiver(config: CommandsConfig, mapping: CommandMapping, model: str) -> None:
    """Check that the settings describe a receiver that takes what the actions command.

    Args:
        config: The settings of the receiver.
        mapping: What the actions command.
        model: Name of the model, for errors.

    Raises:
        ConfigError: The receiver takes another space, or other joints.
    """
    kind, space = COMMAND_TYPES[config.type], config.space
    if kind.anonymous and not space:
        raise ConfigError(
            f"commands.type {config.type} carries bare numbers, and commands.space does not say "
            "what they are: set it to joints or cartesian, as the receiver takes them, or choose "
            "its profile"
        )
    if mapping.joints and not (kind.joints and space != "cartesian"):
        choices = ", ".join(name for name, other in COMMAND_TYPES.items() if other.joints)
        raise ConfigError(
            f"{_what(config)} is Cartesian, but the actions of model {model} move joints: choose a "
            f"receiver of joints ({choices})"
        )
    if not mapping.joints and not (kind.cartesian and space != "joints"):
        raise ConfigError(
            f"{_what(config)} is for joints, but the actions of model {model} are Cartesian, and "
            "this node has no inverse kinematics: choose pose_stamped with a controller that has "
            "it (crisp_controllers, cartesian_controllers), or twist_stamped with moveit_servo"
        )
    taken = config.receiver_joints
    if taken and not mapping.joints:
        raise ConfigError(
            f"commands.receiver_joints names {', '.join(taken)}, but the actions of model {model} "
            "are Cartesian: leave it empty, or choose a model that moves joints"
        )
    if len(set(taken)) != len(taken):
        raise ConfigError(f"commands.receiver_joints {taken} names a joint twice")
    if taken and (why := _other_joints(config, mapping.joints, taken)):
        raise ConfigError(f"commands.receiver_joints: {why}")
    if kind.anonymous and mapping.joints and not (taken or config.controller):
        raise ConfigError(
            f"commands.type {config.type} carries no names, so the receiver's joints must be "
            "known: set commands.receiver_joints to them, in the receiver's order, or "
            "commands.controller to the node whose parameter `joints` has them"
        )


def no_halt(config: CommandsConfig) -> str:
    """Return that a velocity outlives the planner, as a sentence, or an empty string."""
    if config.receiver_timeout or not sends_velocity(config):
        return ""
    return (
        "the commands are velocities, and commands.receiver_timeout says that their receiver does "
        "not halt the arm by itself: if the planner is killed, the arm goes on with its last "
        "velocity. Use a profile that sends positions, or a receiver with a timeout"
    )


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
    """

    config: CommandsConfig
    joints: tuple[str, ...]
    frame: str
    max_speed: float


Values = Mapping[str, Any]


def compare(sender: Sender, values: Values) -> list[Mismatch]:
    """Return what does not fit between the commands and a controller's parameters.

    Args:
        sender: What is sent.
        values: Those of ``PARAMETERS`` that the controller has.
    """
    return [found for rule in RULES for found in rule(sender, values)]


def _space(sender: Sender, values: Values) -> Iterator[Mismatch]:
    """A controller that forwards numbers to joints takes no pose or twist."""
    for name in ("interface_name", "interpolate_from_desired_state"):
        if name in values and not sender.joints:
            yield Mismatch(
                "it takes joints, but the commands are Cartesian: choose a controller with "
                "inverse kinematics"
            )
            return
    if "robot_base_link" in values and sender.joints:
        yield Mismatch("it takes poses, but the commands are for joints: choose another controller")


def _joints(sender: Sender, values: Values) -> Iterator[Mismatch]:
    if not sender.joints:
        return
    taken = values.get("command_joints") or values.get("joints") or []
    if not taken:
        return
    config = sender.config
    if why := _other_joints(config, list(sender.joints), taken):
        yield Mismatch(why)
    elif COMMAND_TYPES[config.type].anonymous:
        order = config.receiver_joints or list(sender.joints)
        if order != list(taken):
            yield Mismatch(
                f"it takes the joints in the order {', '.join(taken)}, but they are sent as "
                f"{', '.join(order)}: set commands.receiver_joints to its order"
            )


def _interface(sender: Sender, values: Values) -> Iterator[Mismatch]:
    if not sender.joints:
        return
    name = "velocity" if sends_velocity(sender.config) else "position"
    forwarded = values.get("interface_name")
    if forwarded and forwarded != name:
        yield Mismatch(
            f"its interface_name is {forwarded}, but the commands are of {name}: choose the "
            "profile of this controller, or set commands.interface"
        )


def _interpolation(sender: Sender, values: Values) -> Iterator[Mismatch]:
    if values.get("interpolate_from_desired_state") is False:
        yield Mismatch(
            "its parameter interpolate_from_desired_state is false, so that each command starts "
            "at the measured position and the arm steps back by its tracking error: set it to true",
            stops=False,
        )


def _frame(sender: Sender, values: Values) -> Iterator[Mismatch]:
    base = values.get("robot_base_link")
    if base and not sender.joints and base != sender.frame:
        yield Mismatch(
            f"its robot_base_link is {base}, so it ignores commands in the frame "
            f"'{sender.frame}': set commands.frame if both are the same link, otherwise use a "
            "controller of that link"
        )


def _servo(sender: Sender, values: Values) -> Iterator[Mismatch]:
    if values.get("moveit_servo.command_in_type", "speed_units") != "speed_units":
        yield Mismatch(
            "its moveit_servo.command_in_type is "
            f"{values['moveit_servo.command_in_type']}, but the commands are in m/s: set it to "
            "speed_units"
        )
    scale = values.get("moveit_servo.scale.linear")
    if isinstance(scale, float) and scale < sender.max_speed:
        yield Mismatch(
            f"its moveit_servo.scale.linear is {scale:g} m/s, less than limits.max_speed "
            f"({sender.max_speed:g} m/s), so faster commands are cut: make both equal",
            stops=False,
        )
    timeout = values.get("moveit_servo.incoming_command_timeout")
    if isinstance(timeout, float) and timeout == 0:
        yield Mismatch(
            "its moveit_servo.incoming_command_timeout is 0, so the arm goes on if the planner "
            "is killed: set it to 0.1 s",
            stops=False,
        )


RULES: tuple[Callable[[Sender, Values], Iterator[Mismatch]], ...] = (
    _space,
    _joints,
    _interface,
    _interpolation,
    _frame,
    _servo,
)


def _what(config: CommandsConfig) -> str:
    if not config.space:
        return f"commands.type {config.type}"
    return f"commands.type {config.type} with commands.space {config.space}"


def _other_joints(config: CommandsConfig, sent: list[str], taken: list[str]) -> str:
    """Return how the joints of the receiver differ from those sent, or an empty string.

    A joint state may leave joints of its receiver out; the other messages may not.
    """
    strange = [joint for joint in sent if joint not in taken]
    missing = [joint for joint in taken if joint not in sent]
    if config.type == "joint_state":
        missing = []
    if not strange and not missing:
        return ""
    what = f"the receiver takes {len(taken)} joints ({', '.join(taken)})"
    if strange:
        return (
            f"{what}, and {', '.join(strange)} of the model's actions is not among them: name the "
            "joints as the robot does (action.command.joints in model.yaml, or commands.joints)"
        )
    return (
        f"{what}, but the model's actions move only {', '.join(sent)}, not {', '.join(missing)}: "
        "give the planner a controller of its own for these joints. A forward controller stops "
        "working after a command with another number of joints"
    )
