"""Long plans: fifty steps of seven numbers."""

from __future__ import annotations

from planner.families.base import Family
from planner.families.residual import Size, residual

LONG = Family(
    "long",
    "Fifty steps of seven numbers: as many dimensions as candidates, or more.",
    {
        "tanh, smooth goals": residual(Size("tanh", 0.15, "smooth", horizon=50, actions=7)),
        "tanh, white goals": residual(Size("tanh", 0.15, "white", horizon=50, actions=7)),
    },
    {"gelu, 40 steps of 9": residual(Size("gelu", 0.15, "smooth", horizon=40, actions=9))},
    ((300, 30), (128, 10), (64, 5)),
    smooth=True,
    count=12,
)
