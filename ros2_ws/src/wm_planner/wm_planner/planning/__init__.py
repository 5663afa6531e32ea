"""Batched planners over a cost function; they know neither a model nor ROS.

``make_planner(preset, ...)`` builds a planner, ``planner.plan(cost)`` searches.
"""

from wm_planner.planning.captured import Captured
from wm_planner.planning.errors import (
    BoundsError,
    CostMemoryError,
    CostShapeError,
    CostWritesError,
    GradientError,
    NoFiniteCostError,
    NonFinitePlanError,
    PlanCanceledError,
    PlanError,
    PresetError,
    PriorError,
    SettingsError,
    WarmStartError,
)
from wm_planner.planning.factory import build_planner, make_planner
from wm_planner.planning.objectives import Objective
from wm_planner.planning.plan_result import PlanResult, StopReason, Timings
from wm_planner.planning.planner import Planner, Problem
from wm_planner.planning.prior import Prior
from wm_planner.planning.warm_start import shift

__all__ = [
    "BoundsError",
    "Captured",
    "CostMemoryError",
    "CostShapeError",
    "CostWritesError",
    "GradientError",
    "NoFiniteCostError",
    "NonFinitePlanError",
    "Objective",
    "PlanCanceledError",
    "PlanError",
    "PlanResult",
    "Planner",
    "PresetError",
    "Prior",
    "PriorError",
    "Problem",
    "SettingsError",
    "StopReason",
    "Timings",
    "WarmStartError",
    "build_planner",
    "make_planner",
    "shift",
]
