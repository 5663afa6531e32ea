"""Orientations as quaternions (x, y, z, w), and turns as rotation vectors [rad].

A turn is about axes of the base frame: it multiplies an orientation from the left.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from wm_planner.types import Vector


def turn_between(first: Vector, second: Vector) -> Vector:
    """Return the shortest turns (..., 3) from orientations to others, both (..., 4) [rad].

    A quaternion and its negative are the same orientation.
    """
    if np.array_equal(first, second):  # most hands do not turn
        return np.zeros((*second.shape[:-1], 3))
    turns = Rotation.from_quat(second) * Rotation.from_quat(first).inv()
    return np.asarray(turns.as_rotvec())


def turned(orientation: Vector, turn: Vector) -> Vector:
    """Return orientations (..., 4) after turns (..., 3) [rad]."""
    if not turn.any():
        return orientation
    return np.asarray((Rotation.from_rotvec(turn) * Rotation.from_quat(orientation)).as_quat())


def angle_between(first: Vector, second: Vector) -> float:
    """Return the angle between two orientations (4,) [rad], 0 to pi."""
    return float(np.linalg.norm(turn_between(first, second)))


def same_sign(orientation: Vector, near: Vector) -> Vector:
    """Return a quaternion (4,), or its negative, whichever is nearer to another one."""
    return -orientation if float(orientation @ near) < 0 else orientation
