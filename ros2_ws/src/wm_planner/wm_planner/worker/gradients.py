"""Which precisions a planner that differentiates rollouts can use."""

from __future__ import annotations

from wm_planner.config import PRESETS

GRADIENTS = ("gradient", "cem_gd")
"""Planners that differentiate."""


def gradient_problem(preset: str, precision: str) -> str:
    """Return why a preset cannot plan in a precision, and what to do; empty if it can.

    float16 loses small gradients, such as those of costs near the goal.

    Args:
        preset: Name of one of ``PRESETS``.
        precision: Precision of rollouts, see ``model.precision``; ``auto`` suits every preset.
    """
    if precision != "float16" or PRESETS[preset].planner not in GRADIENTS:
        return ""
    return (
        f"the preset {preset} needs gradients, but rollouts are computed in float16, which loses "
        "small ones: choose another preset, or set model.precision to bfloat16, tf32 or float32 "
        "and load the model again"
    )
