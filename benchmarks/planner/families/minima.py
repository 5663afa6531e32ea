"""Costs with several minima: residual networks whose activation is a sine."""

from __future__ import annotations

from planner.families.base import Family
from planner.families.residual import Size, residual


def _size(frequency: float, scale: float, goals: str, **other: int) -> Size:
    return Size("sin", scale, goals, frequency, **other)


MINIMA = Family(
    "minima",
    "Residual networks with a sine: many valleys, and plain CEM ends in one of the wrong ones.",
    {
        "frequency 2": residual(_size(2.0, 1.0, "white")),
        "frequency 3": residual(_size(3.0, 1.0, "smooth")),
        "frequency 4, weaker": residual(_size(4.0, 0.5, "smooth")),
        "frequency 4": residual(_size(4.0, 1.0, "white")),
    },
    {
        "frequency 2.5, 4 steps of 8": residual(_size(2.5, 1.0, "white", horizon=4, actions=8)),
        "frequency 3, latent 32, 8 steps of 4": residual(
            _size(3.0, 0.8, "smooth", latent=32, horizon=8, actions=4)
        ),
    },
    ((300, 30), (128, 10), (300, 5), (64, 10), (64, 5)),
    smooth=True,
    count=36,
)
