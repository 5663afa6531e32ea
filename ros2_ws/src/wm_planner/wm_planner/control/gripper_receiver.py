"""Whether the settings describe a gripper that takes what the actions command."""

from __future__ import annotations

from wm_planner.config import ConfigError, GripperConfig
from wm_planner.config.gripper import GRIPPER_TYPES
from wm_planner.models.spec import GripperMapping
from wm_planner.text import listed

NO_SCALE = "gripper.scale is 0, so that a position of a joint says nothing about the width"


def check_measured(config: GripperConfig, model: str) -> None:
    """Check that the width of the gripper can be measured.

    Raises:
        ConfigError: The joints of its fingers are not named, or their scale is 0.
    """
    if not config.joints:
        raise ConfigError(
            f"the proprio of model {model} has the width of the gripper: set gripper.joints to the "
            "joints of its fingers in joint_states"
        )
    if not config.scale:
        raise ConfigError(NO_SCALE)


def check_gripper(config: GripperConfig, mapping: GripperMapping | None, model: str) -> None:
    """Check the settings of the gripper against a model.

    Args:
        config: The settings.
        mapping: How the actions move the gripper; None if they do not.
        model: Name of the model, for errors.

    Raises:
        ConfigError: Something is missing or contradicts itself.
    """
    if mapping is None:
        return
    if not config.type:
        raise ConfigError(
            f"the actions of model {model} move a gripper, and gripper.type does not say what it "
            f"takes: set it to {', '.join(GRIPPER_TYPES)}, or to none to leave the gripper alone"
        )
    if not config.scale:
        raise ConfigError(NO_SCALE)
    counts = {"joint_state": (1, 20), "parallel_gripper_command": (1, 1)}
    low, high = counts.get(config.type, (0, 20))
    if not low <= len(config.joints) <= high:
        count = "one joint" if high == 1 else "the joints of the fingers"
        raise ConfigError(
            f"gripper.type {config.type} needs {count} in gripper.joints, not "
            f"[{listed(config.joints)}]"
        )
    if len(set(config.joints)) != len(config.joints):
        raise ConfigError(f"gripper.joints ({listed(config.joints)}) names a joint twice")
    if mapping.needs_width and config.type != "none" and not config.joints:
        raise ConfigError(
            f"the actions of model {model} change the present width of the gripper, which must be "
            "measured: set gripper.joints to the joints of its fingers in joint_states"
        )
