"""All checks, in the order of the report."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from wm_planner.diagnosis.check import Check

_MODULES = (
    # of the model
    "epoch",
    "angle_units",
    "untrained",
    "redrawn",
    "evaluation_mode",
    "repeatable",
    "encoder_file",
    "calibration",
    # of a dataset
    "dataset_statistics",
    "dataset_digest",
    "image_statistics",
    "episodes",
    "column_names",
    # of a recorded episode
    "reading",
    "image_delay",
    "action_dim",
    "action_columns",
    "motion",
    "action_bounds",
    "recorded_states",
    "recorded_image",
    "motionless",
    # of predictions over a recorded episode
    "color_order",
    "action_use",
    "latents",
    "prediction",
    "history",
    "encoder",
    # of given states
    "start_state",
    "goal_state",
    "missing_states",
    # of two images
    "object_seen",
    # of tasks: given ones, or windows of a recorded episode
    "candidates",
    "plan",
)

CHECKS: tuple[Check[Any], ...] = tuple(
    import_module(f"wm_planner.diagnosis.checks.{name}").CHECK for name in _MODULES
)

EFFECTS = frozenset(name for check in CHECKS for name in check.effects)
"""Names of results that always have another cause."""
