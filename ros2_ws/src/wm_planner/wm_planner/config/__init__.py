"""All settings: one schema for YAML files, command-line overrides and ROS parameters.

The dataclasses of this package are the only place where a setting gets its name, default, range and
description. ``compose`` fills them from ``config/*.yaml`` and Hydra overrides; the node declares
every leaf as a ROS parameter of the same dotted name (``leaves``).
"""

from wm_planner.config.commands import CommandsConfig
from wm_planner.config.composition import changed, compose, differences, to_yaml, validate
from wm_planner.config.gripper import GripperConfig
from wm_planner.config.images import CameraConfig, ImagesConfig, ProprioConfig
from wm_planner.config.inputs import InputsConfig
from wm_planner.config.limits import LimitsConfig
from wm_planner.config.model import ModelConfig
from wm_planner.config.planning import ObjectiveConfig, PlanningConfig
from wm_planner.config.presets import PRESETS, Preset, SearchSize
from wm_planner.config.root import Config
from wm_planner.config.safety import SafetyConfig
from wm_planner.config.schema import ConfigError, Leaf, check_leaves, leaves
from wm_planner.config.session import GoalsConfig, SessionConfig
from wm_planner.config.worker import WorkerConfig

__all__ = [
    "PRESETS",
    "CameraConfig",
    "CommandsConfig",
    "Config",
    "ConfigError",
    "GoalsConfig",
    "GripperConfig",
    "ImagesConfig",
    "InputsConfig",
    "Leaf",
    "LimitsConfig",
    "ModelConfig",
    "ObjectiveConfig",
    "PlanningConfig",
    "Preset",
    "ProprioConfig",
    "SafetyConfig",
    "SearchSize",
    "SessionConfig",
    "WorkerConfig",
    "changed",
    "check_leaves",
    "compose",
    "differences",
    "leaves",
    "to_yaml",
    "validate",
]
