"""Whether commands mean the same to their receiver, by the settings: its space and joints.

``controller_rules.py`` compares the parameters of the running controller.
"""

from __future__ import annotations

from collections.abc import Sequence

from wm_planner.command_types import COMMAND_TYPES
from wm_planner.config import CommandsConfig, ConfigError
from wm_planner.models.spec import CommandMapping
from wm_planner.text import listed

LONGEST_HALT = 0.5
"""Time for which an arm may go on after the planner was killed, without a warning [s]."""


def sends_velocity(config: CommandsConfig) -> bool:
    """Return whether the commands are velocities, not positions."""
    velocity = COMMAND_TYPES[config.type].velocity
    return config.interface == "velocity" if velocity is None else velocity


def takes_joints(config: CommandsConfig) -> bool:
    """Return whether the receiver of the commands takes joints, not poses or twists."""
    kind = COMMAND_TYPES[config.type]
    return kind.joints and (config.space == "joints" or not kind.cartesian)


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
        if config.kinematics and takes_joints(config) and space != "cartesian":
            return  # check_joints follows once the URDF is known
        raise ConfigError(
            f"{_what(config)} is for joints, but the actions of model {model} are Cartesian: set "
            "commands.kinematics to the arm's URDF and commands.tip to its hand, or choose a "
            "controller that has inverse kinematics (crisp_controllers, cartesian_controllers, "
            "moveit_servo)"
        )
    check_joints(config, mapping.joints)


def check_joints(config: CommandsConfig, joints: Sequence[str]) -> None:
    """Check that the receiver takes the joints that are commanded.

    Args:
        config: The settings of the receiver.
        joints: Names of the commanded joints; empty for Cartesian commands.

    Raises:
        ConfigError: It takes others, or is not known.
    """
    taken = config.receiver_joints
    if taken and not joints:
        raise ConfigError(
            f"commands.receiver_joints names {listed(taken)}, but the commands are Cartesian: "
            "leave it empty, or choose a profile of a controller that takes joints"
        )
    if taken and (why := other_joints(joints, taken, some=config.type == "joint_state")):
        raise ConfigError(f"commands.receiver_joints: {why}")
    if COMMAND_TYPES[config.type].anonymous and joints and not (taken or config.controller):
        raise ConfigError(
            f"commands.type {config.type} carries no names, so the receiver's joints must be "
            "known: set commands.receiver_joints to them, in the receiver's order, or "
            "commands.controller to the node whose parameter `joints` has them"
        )


def no_halt(config: CommandsConfig) -> str:
    """Return that a velocity outlives the planner, as a sentence, or an empty string."""
    if not sends_velocity(config):
        return ""
    if config.receiver_timeout > LONGEST_HALT:
        return (
            f"commands.receiver_timeout is {config.receiver_timeout:g} s: if the planner is "
            "killed, the arm goes on with its last velocity for that time. Set the timeout of the "
            f"receiver, and this setting, to {LONGEST_HALT:g} s at most"
        )
    if config.receiver_timeout:
        return ""
    return (
        "the commands are velocities, and commands.receiver_timeout says that their receiver does "
        "not halt the arm by itself: if the planner is killed, the arm goes on with its last "
        "velocity. Use a profile that sends positions, or a receiver with a timeout"
    )


def other_joints(sent: Sequence[str], taken: Sequence[str], *, some: bool) -> str:
    """Return how the joints of the receiver differ from those sent, or an empty string.

    Args:
        sent: Joints of the commands.
        taken: Joints of the receiver.
        some: Whether a command may leave joints out.
    """
    what = f"the receiver takes {len(taken)} joints ({_shown(taken)})"
    if len(set(taken)) != len(taken):
        return f"{what}, which names a joint twice: name each once"
    if strange := [joint for joint in sent if joint not in taken]:
        return (
            f"{what}, and {_shown(strange)}, which the planner commands, is not among them: name "
            "the joints as the robot does (action.command.joints in model.yaml, commands.joints, "
            "or the URDF of commands.kinematics)"
        )
    missing = [joint for joint in taken if joint not in sent]
    if some or not missing:
        return ""
    return (
        f"{what}, but the planner commands only {_shown(sent)}, not {_shown(missing)}: "
        "give the planner a controller of its own for these joints. A forward controller stops "
        "working after a command with another number of joints"
    )


def _shown(joints: Sequence[str]) -> str:
    """Return the joints of an arm, or the first ones, so that the remedy is not cut off."""
    return listed(joints, 7)


def _what(config: CommandsConfig) -> str:
    if not config.space:
        return f"commands.type {config.type}"
    return f"commands.type {config.type} with commands.space {config.space}"
