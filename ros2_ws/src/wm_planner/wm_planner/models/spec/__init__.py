"""The spec of a world model: ``model.yaml``, the file beside the weights.

The spec is plain data without torch. The node reads it to check images and to turn actions into
commands, the worker reads it to build the model. ``file.py`` reads and writes the YAML,
``formats.py`` migrates older formats, and one file per section holds its fields and checks.
"""

from wm_planner.models.spec.action import ActionSpec, CommandMapping
from wm_planner.models.spec.calibration import Calibration
from wm_planner.models.spec.errors import SpecError, StatisticsError
from wm_planner.models.spec.file import SPEC_FILE
from wm_planner.models.spec.formats import FORMAT
from wm_planner.models.spec.gripper import GripperMapping, ProprioGripper
from wm_planner.models.spec.image import ImageSpec
from wm_planner.models.spec.load import load_spec
from wm_planner.models.spec.model import (
    License,
    ModelSpec,
    ObjectiveSpec,
    ProprioSpec,
    Training,
)
from wm_planner.models.spec.rotation import (
    ProprioRotation,
    RotationForm,
    RotationMapping,
    orientation,
)
from wm_planner.models.spec.statistics import CONSTANTS, Moments, Provenance, Statistics
from wm_planner.models.spec.weights import WeightsFile

__all__ = [
    "CONSTANTS",
    "FORMAT",
    "SPEC_FILE",
    "ActionSpec",
    "Calibration",
    "CommandMapping",
    "GripperMapping",
    "ImageSpec",
    "License",
    "ModelSpec",
    "Moments",
    "ObjectiveSpec",
    "ProprioGripper",
    "ProprioRotation",
    "ProprioSpec",
    "Provenance",
    "RotationForm",
    "RotationMapping",
    "SpecError",
    "Statistics",
    "StatisticsError",
    "Training",
    "WeightsFile",
    "load_spec",
    "orientation",
]
