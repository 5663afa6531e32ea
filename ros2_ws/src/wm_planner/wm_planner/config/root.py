"""The configuration as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field

from wm_planner.config.commands import CommandsConfig
from wm_planner.config.gripper import GripperConfig
from wm_planner.config.images import CameraConfig, ImagesConfig, ProprioConfig
from wm_planner.config.inputs import InputsConfig
from wm_planner.config.limits import LimitsConfig
from wm_planner.config.model import ModelConfig
from wm_planner.config.planning import ObjectiveConfig, PlanningConfig
from wm_planner.config.safety import SafetyConfig
from wm_planner.config.session import GoalsConfig, SessionConfig
from wm_planner.config.worker import WorkerConfig


@dataclass
class Config:
    """All settings of the planner."""

    model: ModelConfig = field(default_factory=ModelConfig)
    planning: PlanningConfig = field(default_factory=PlanningConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    images: ImagesConfig = field(default_factory=ImagesConfig)
    proprio: ProprioConfig = field(default_factory=ProprioConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)
    inputs: InputsConfig = field(default_factory=InputsConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    commands: CommandsConfig = field(default_factory=CommandsConfig)
    gripper: GripperConfig = field(default_factory=GripperConfig)
    safety: SafetyConfig = field(default_factory=SafetyConfig)
    session: SessionConfig = field(default_factory=SessionConfig)
    goals: GoalsConfig = field(default_factory=GoalsConfig)
    worker: WorkerConfig = field(default_factory=WorkerConfig)
