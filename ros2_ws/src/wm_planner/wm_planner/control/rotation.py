"""Angles between orientations."""

from __future__ import annotations

import math

import numpy as np

from wm_planner.types import Vector


def angle_between(first: Vector, second: Vector) -> float:
    """Return the angle between two orientations (x, y, z, w) [rad]; q and -q are the same."""
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return 2 * math.acos(min(abs(float(first @ second)) / length, 1.0))
