"""Limits of position, speed and acceleration, in Cartesian space or for joints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import ArrayLike

from wm_planner.config import LimitsConfig
from wm_planner.types import Vector


class LimitsError(ValueError):
    """The configured limits are invalid."""


@dataclass(frozen=True)
class CommandLimits:
    """The limits of one kind of command.

    Cartesian limits of speed, acceleration and lead apply to the length of a vector (3,), joint
    limits to each joint.

    Attributes:
        lower: Smallest position (n,) [m or rad].
        upper: Largest position (n,) [m or rad].
        speed: Largest speed [m/s or rad/s].
        acceleration: Largest acceleration [m/s^2 or rad/s^2].
        lead: Largest distance of a command from the measured position [m or rad].
        joints: Whether the limits are for joints.
        start_margin: How far outside of the box a goal may start [m or rad].
    """

    lower: Vector
    upper: Vector
    speed: float
    acceleration: float
    lead: float
    joints: bool
    start_margin: float

    @classmethod
    def of(cls, config: LimitsConfig, joints: Sequence[str]) -> CommandLimits:
        """Return the limits of the named joints, or of Cartesian positions if there are none.

        Raises:
            LimitsError: The box is missing or inverted, or lacks a joint.
        """
        if joints:
            box = _joint_box(config, joints)
            limits = config.max_joint_speed, config.max_joint_acceleration, config.max_joint_lead
        else:
            box = _box(config.workspace_min, config.workspace_max, "workspace", 3)
            limits = config.max_speed, config.max_acceleration, config.max_lead
        margin = (
            config.start_margin if config.policy == "clamp" else 0.0
        )  # nothing is brought inside
        return cls(*box, *limits, joints=bool(joints), start_margin=margin)

    @property
    def unit(self) -> str:
        """Unit of positions."""
        return "rad" if self.joints else "m"

    @property
    def box(self) -> str:
        """Names of the settings of the box, for errors."""
        return f"limits.{'joint' if self.joints else 'workspace'}_min and _max"

    def name(self, limit: str) -> str:
        """Return the name of the setting of ``speed``, ``acceleration`` or ``lead``."""
        return f"limits.max_{'joint_' if self.joints else ''}{limit}"

    def size(self, vector: Vector) -> float:
        """Return the length of a vector (3,), or the largest absolute value of the joints."""
        return float(np.abs(vector).max()) if self.joints else math.hypot(*vector)

    def within(self, vector: Vector, center: Vector, radius: float) -> Vector:
        """Return the vector nearest to ``vector`` within ``radius`` of ``center``."""
        offset = vector - center
        if self.joints:
            return np.asarray(center + np.clip(offset, -radius, radius))
        length = float(np.linalg.norm(offset))
        return vector if length <= radius else np.asarray(center + offset * (radius / length))

    def into(self, positions: ArrayLike) -> Vector:
        """Return positions (..., n) clipped to the box."""
        return np.clip(np.asarray(positions, dtype=np.float64), self.lower, self.upper)

    def braking(self, velocity: Vector) -> Vector:
        """Return the displacement (n,) while braking to rest at the largest acceleration."""
        speeds = np.abs(velocity) if self.joints else np.linalg.norm(velocity)
        return np.asarray(velocity * speeds / (2 * self.acceleration))


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
