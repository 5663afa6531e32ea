"""Limits of position, speed and acceleration, in Cartesian space or for joints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from wm_planner.config import LimitsConfig
from wm_planner.control.part_limits import PartLimits
from wm_planner.types import Vector

ROUNDING = 1e-9  # [m or rad] a point that is outside by less counts as inside


class LimitsError(ValueError):
    """The configured limits are invalid."""


class CommandLimits(PartLimits):
    """The limits of positions (3,) [m] or of joints (J,) [rad].

    Joint limits apply to each joint.

    Args:
        config: The limits.
        joints: Names of the commanded joints; empty for Cartesian positions.

    Raises:
        LimitsError: The box is missing or inverted, or lacks a joint.

    Attributes:
        joints: Whether the limits are for joints.
        lower: Smallest position (n,) [m or rad].
        upper: Largest position (n,) [m or rad].
    """

    def __init__(self, config: LimitsConfig, joints: Sequence[str] = ()) -> None:
        self.joints = bool(joints)
        if joints:
            self.lower, self.upper = _joint_box(config, joints)
            limits = config.max_joint_speed, config.max_joint_acceleration, config.max_joint_lead
            self.prefix, self.unit, self.measured_by = "joint_", "rad", "joint_states"
            self.what = "positions"
        else:
            self.lower, self.upper = _box(
                config.workspace_min, config.workspace_max, "workspace", 3
            )
            limits = config.max_speed, config.max_acceleration, config.max_lead
        super().__init__(*limits, start_margin(config))
        self.region = f"limits.{'joint' if joints else 'workspace'}_min and _max"

    def size(self, move: Vector) -> float:
        """Return the length of a vector (3,), or the largest absolute value of the joints."""
        return float(np.abs(move).max()) if self.joints else math.hypot(*move)

    def within(self, move: Vector, center: Vector, radius: float) -> Vector:
        """Return the vector nearest to ``move`` within ``radius`` of ``center``."""
        if self.joints:
            return np.asarray(center + np.clip(move - center, -radius, radius))
        return super().within(move, center, radius)

    def into(self, point: Vector) -> Vector:
        """Return a position (n,) clipped to the box."""
        return np.clip(point, self.lower, self.upper)

    def braking(self, velocity: Vector) -> Vector:
        """Return the displacement (n,) while braking to rest at the largest acceleration."""
        if self.joints:
            return np.asarray(velocity * np.abs(velocity) / (2 * self.acceleration))
        return super().braking(velocity)

    def stays(self, start: Vector, move: Vector) -> bool:
        """Return whether a displacement (n,) ends in the box, or no further outside."""
        lower = np.minimum(self.lower - ROUNDING, start)
        upper = np.maximum(self.upper + ROUNDING, start)
        end = start + move
        return bool((end >= lower).all() and (end <= upper).all())

    def outside(self, point: Vector) -> str:
        """Return where a position outside of the box lies."""
        low, high = self.lower.tolist(), self.upper.tolist()
        return f"lies outside of {self.region}, {low} to {high} {self.unit}"


def start_margin(config: LimitsConfig) -> float:
    """Return how far outside of the region a goal may start [m or rad]."""
    return config.start_margin if config.policy == "clamp" else 0.0  # nothing is brought inside


def _joint_box(config: LimitsConfig, joints: Sequence[str]) -> tuple[Vector, Vector]:
    """Return the lower and upper limits (n,) of the named joints [rad], in their order."""
    names = config.joint_names
    lower, upper = _box(config.joint_min, config.joint_max, "joint", len(names) or len(joints))
    rows = []
    for joint in joints:
        found = [i for i, name in enumerate(names) if fnmatchcase(joint, name)]
        if len(found) != 1:
            which = " and ".join(names[i] for i in found) or "none"
            what = f"{which} of {', '.join(names)} matches it" if names else "it is empty"
            raise LimitsError(
                f"limits.joint_names must have exactly one entry for the commanded joint {joint}, "
                f"but {what}: name the joints that joint_min and joint_max belong to, in their "
                "order"
            )
        rows.append(found[0])
    if len(set(rows)) != len(rows):
        raise LimitsError(
            f"limits.joint_names {names} must tell the commanded joints {', '.join(joints)} apart"
        )
    return lower[rows], upper[rows]


def _box(
    lower: Sequence[float], upper: Sequence[float], name: str, count: int
) -> tuple[Vector, Vector]:
    box = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    if not lower and not upper:
        what = "[x, y, z] in meters" if name == "workspace" else "one number per joint in radians"
        raise LimitsError(
            f"limits.{name}_min and limits.{name}_max are not set: give the box ({what}) that "
            "commands must never leave"
        )
    if box[0].shape != (count,) or box[1].shape != (count,):
        raise LimitsError(
            f"limits.{name}_min has {len(lower)} numbers and limits.{name}_max has {len(upper)}: "
            f"both need {count}"
        )
    if not np.isfinite(box).all() or (box[0] >= box[1]).any():
        raise LimitsError(
            f"limits.{name}_min {list(lower)} must be finite and below limits.{name}_max "
            f"{list(upper)} in every coordinate"
        )
    return box
