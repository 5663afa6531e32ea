"""Smooth costs with one valley: the family that the planner was first made for."""

from __future__ import annotations

from planner.families.base import Family
from planner.families.residual import Size, residual, tracking

DYNAMICS = {"tanh": ("tanh", 0.5), "gelu": ("gelu", 0.5), "tanh, stronger": ("tanh", 1.0)}
KINDS = ("white", "smooth")
OTHER = {
    "latent 32, 8 steps of 4": {"latent": 32, "horizon": 8, "actions": 4},
    "latent 96, 3 steps of 10": {"latent": 96, "horizon": 3, "actions": 10},
}
BUDGETS = ((300, 30), (100, 20), (128, 10), (300, 5), (64, 10), (64, 5))


def _family(goals: str) -> Family:
    sizes = {name: Size(*dynamics, goals) for name, dynamics in DYNAMICS.items()}
    other = {f"tanh, {name}": Size("tanh", 0.7, goals, **size) for name, size in OTHER.items()}
    return Family(
        f"smooth, {goals} goals",
        f"Residual networks with tanh or gelu; the goals come from {goals} hidden actions.",
        {name: residual(size) for name, size in sizes.items()},
        {name: residual(size) for name, size in other.items()},
        BUDGETS,
        smooth=True,
        count=24,
        loops={name: tracking(size) for name, size in sizes.items()},
    )


SMOOTH = tuple(_family(goals) for goals in KINDS)
