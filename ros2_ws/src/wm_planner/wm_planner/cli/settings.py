"""The settings of a command: ``planner.yaml`` and the overrides on the command line."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import wm_planner
from wm_planner.config import Config, ConfigError, compose, leaves


def settings(overrides: Sequence[str]) -> Config:
    """Compose the configuration as the node does.

    Args:
        overrides: Hydra overrides; ``images.float_range=[0,1]`` needs no quotes.

    Raises:
        ConfigError: A setting is unknown, of the wrong type or out of range.
    """
    # Hydra would read [0,1] as a list, but the setting's value is the string.
    quoted = [re.sub(r"^(images\.float_range=)(\[.*\])$", r'\1"\2"', text) for text in overrides]
    return compose(config_directory(), overrides=quoted)


def uses(used: Sequence[str], name: str) -> bool:
    """Decide whether a command uses a setting.

    Args:
        used: The settings that it uses; one that ends with ``.`` is a section.
        name: The setting.
    """
    return any(name.startswith(each) if each.endswith(".") else name == each for each in used)


def refuse_unused(command: str, used: Sequence[str], overrides: Sequence[str]) -> None:
    """Refuse what has no effect, but for unknown settings, on which ``settings`` has a sentence.

    Args:
        command: Name of the command.
        used: See ``uses``.
        overrides: The settings on its command line.

    Raises:
        ConfigError: A setting has no effect on the command.
    """
    known = {leaf.name for leaf in leaves(Config())}
    for override in overrides:
        name = override.lstrip("+~").partition("=")[0]
        if not used:
            raise ConfigError(f"{command} takes no settings: leave {override} out")
        if name in known and not uses(used, name):
            raise ConfigError(
                f"{name} has no effect on {command}: leave it out; {command} uses {shown(used)}"
            )


def shown(used: Sequence[str]) -> str:
    """Return the settings that a command uses in words."""
    return ", ".join(f"{each}*" if each.endswith(".") else each for each in used)


def config_directory() -> Path:
    """Return the directory of planner.yaml: ROS's share, beside the source, or Python's share."""
    try:
        from ament_index_python.packages import get_package_share_directory

        return Path(get_package_share_directory("wm_planner")) / "config"
    except (ImportError, LookupError, OSError):  # OSError: no ROS 2 is sourced
        source = Path(wm_planner.__file__).parents[1] / "config"
        return source if source.is_dir() else Path(sys.prefix, "share", "wm_planner", "config")
