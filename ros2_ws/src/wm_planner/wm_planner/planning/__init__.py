"""Batched planners over a cost function: no model, no ROS.

``make_planner(preset, ...)`` builds one, ``planner.plan(cost)`` searches.
"""

from wm_planner.planning.captured import CapturedCost
from wm_planner.planning.errors import (
    BoundsError,
    CostMemoryError,
    CostShapeError,
    GradientError,
    NoFiniteCostError,
    PlanCanceledError,
    PlanError,
    PresetError,
    SettingsError,
    WarmStartError,
)
from wm_planner.planning.objectives import Objective
from wm_planner.planning.planner import Planner
from wm_planner.planning.presets import PRESETS, make_planner
from wm_planner.planning.result import PlanResult, StopReason, Timings
from wm_planner.planning.stopping import StoppingSettings
from wm_planner.planning.warm_start import shift

__all__ = [
    "PRESETS",
    "BoundsError",
    "CapturedCost",
    "CostMemoryError",
    "CostShapeError",
    "GradientError",
    "NoFiniteCostError",
    "Objective",
    "PlanCanceledError",
    "PlanError",
    "PlanResult",
    "Planner",
    "PresetError",
    "SettingsError",
    "StopReason",
    "StoppingSettings",
    "Timings",
    "WarmStartError",
    "make_planner",
    "shift",
]
