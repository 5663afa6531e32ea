"""What the numbers of an action mean for the arm, and which commands can carry it."""

from __future__ import annotations

from dataclasses import replace

from wm_planner.config import CommandsConfig, ConfigError
from wm_planner.models import ModelSpec, SpecError
from wm_planner.models.spec import CommandMapping

CARTESIAN = ("pose_stamped", "twist_stamped", "float64_multi_array")
JOINTS = ("joint_state", "joint_trajectory", "float64_multi_array")


def command_mapping(spec: ModelSpec, config: CommandsConfig) -> CommandMapping:
    """The mapping of ``model.yaml``, with what ``commands`` says otherwise.

    Raises:
        SpecError: Nobody says how an action becomes a command, or what is said is impossible.
        ConfigError: The command's type cannot carry it.
    """
    given = spec.action.command
    mode, position, joints = config.mode, config.position, config.joints
    if given:
        mode = mode or given.mode
        joints = joints or ([] if position else given.joints)
        position = position or given.position
    if not mode or not position:
        raise SpecError(
            f"model {spec.name} has no action.command: say in model.yaml, or in commands.mode and "
            f"commands.position, how its action ({', '.join(spec.action.names)}) becomes a command"
        )
    mapping = CommandMapping(mode, list(position), list(joints))
    replace(spec.action, command=mapping)  # checks names and units
    if mapping.joints and config.type not in JOINTS:
        raise ConfigError(
            f"commands.type {config.type} is Cartesian, but the actions of model {spec.name} move "
            f"joints: choose {', '.join(JOINTS)}"
        )
    if not mapping.joints and config.type not in CARTESIAN:
        raise ConfigError(
            f"commands.type {config.type} is for joints, but the actions of model {spec.name} are "
            "Cartesian, and there is no inverse kinematics here: choose pose_stamped with a "
            "controller that has it (crisp_controllers, cartesian_controllers), or twist_stamped "
            "with moveit_servo"
        )
    return mapping


def sends_velocity(config: CommandsConfig) -> bool:
    """Whether the commands are velocities, which the arm forgets when they end."""
    if config.type in ("joint_state", "float64_multi_array"):
        return config.interface == "velocity"
    return config.type == "twist_stamped"
