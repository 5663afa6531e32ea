"""Limits, and gates of each part of the commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from wm_planner.config import LimitsConfig
from wm_planner.control.command_limits import CommandLimits
from wm_planner.control.part_gate import PartGate
from wm_planner.control.rotation_limits import RotationLimits

LIMITS = LimitsConfig(
    workspace_min=[0.0, -1.0, 0.0],
    workspace_max=[1.0, 1.0, 1.0],
    joint_names=["a", "b", "c"],
    joint_min=[-1.0] * 3,
    joint_max=[1.0] * 3,
    orientation=[1.0, 0.0, 0.0, 0.0],
    max_tilt=0.6,
    max_twist=1.2,
)
CENTER, DOWN = np.array([0.5, 0.0, 0.5]), np.array([1.0, 0.0, 0.0, 0.0])
HOME = np.concatenate([CENTER, DOWN])


def pose(position: Any = CENTER, turn: Any = (0.0, 0.0, 0.0)) -> np.ndarray:
    """A point at a position, turned from down by a rotation vector [rad]."""
    orientation = Rotation.from_rotvec(turn) * Rotation.from_quat(DOWN)
    return np.concatenate([position, orientation.as_quat()])


@dataclass
class Part:
    """One part of the commands, and how to draw points of it from three numbers."""

    gate: PartGate
    draw: Callable[[np.ndarray], np.ndarray]
    inside: Callable[[np.ndarray], bool]


def _boxed(limits: CommandLimits) -> Part:
    def inside(at: np.ndarray) -> bool:
        return bool((at >= limits.lower - 1e-6).all() and (at <= limits.upper + 1e-6).all())

    return Part(PartGate(limits), lambda numbers: numbers, inside)


def _turned(max_tilt: float, max_twist: float, **changes: float) -> Part:
    config = replace(LIMITS, max_tilt=max_tilt, max_twist=max_twist, **changes)
    limits = RotationLimits(config, turns=True)

    def inside(at: np.ndarray) -> bool:
        tilt, twist = limits.tilt_and_twist(at)
        return tilt <= max_tilt + 2e-6 and (abs(twist) <= max_twist + 2e-6 or max_twist > 3.14)

    return Part(PartGate(limits), lambda numbers: pose(turn=1.5 * numbers)[3:], inside)


PARTS = {
    "position": _boxed(CommandLimits(LIMITS)),
    "joints": _boxed(CommandLimits(LIMITS, ["a", "b", "c"])),
    "narrow cone": _turned(0.6, 1.2),
    "wide cone": _turned(2.2, 0.3),
    "any twist": _turned(1.0, 3.1416),
    "no tilt": _turned(0.0, 3.0),
    # Braking takes a turn of up to 4.5 rad.
    "fast": _turned(0.5, 3.1, max_angular_speed=3.0, max_angular_acceleration=1.0),
}
