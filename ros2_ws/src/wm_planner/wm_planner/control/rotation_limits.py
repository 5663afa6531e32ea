"""Limits of the orientation of the hand: a cone with a twist, angular speed and acceleration."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial.transform import Rotation

from wm_planner.config import LimitsConfig
from wm_planner.control.command_limits import LimitsError, start_margin
from wm_planner.control.part_limits import PartLimits
from wm_planner.control.rotation import same_sign, turn_between, turned
from wm_planner.models.spec import orientation
from wm_planner.types import Vector

ROUNDING = 1e-7  # [rad] an orientation that is outside by less counts as inside
ALL_ROUND = 3.1415
"""A twist that may be as large is not limited."""


class RotationLimits(PartLimits):
    """The limits of orientations (4,), quaternions (x, y, z, w).

    An orientation differs from the nominal one by a twist about the z-axis of the hand, and by a
    tilt, the angle between the z-axes (swing-twist decomposition: Dobrowolski, "Swing-twist
    decomposition in Clifford algebra", 2015). Without a nominal orientation, both may be anything.

    Args:
        config: The limits.
        turns: Whether the actions turn the hand; it then needs a nominal orientation.

    Raises:
        LimitsError: The nominal orientation is missing, or is no quaternion.
    """

    prefix, unit, what = "angular_", "rad", "orientation"

    def __init__(self, config: LimitsConfig, *, turns: bool = False) -> None:
        super().__init__(
            config.max_angular_speed,
            config.max_angular_acceleration,
            config.max_angular_lead or math.inf,
            start_margin(config),
        )
        self.yields = turns  # a hand that does not turn keeps its orientation, or the goal ends
        self.region = "limits.orientation, max_tilt and max_twist"
        self._tilt, self._twist = config.max_tilt, config.max_twist
        self._nominal = self._away = None
        if config.orientation:
            try:
                self._nominal = orientation(config.orientation)
            except ValueError as error:
                raise LimitsError(f"limits.orientation: {error}") from error
            self._away = self._nominal.inv()
        elif turns:
            raise LimitsError(
                "limits.orientation is not set, but the model's actions turn the hand: give the "
                "orientation [x, y, z, w] around which it may tilt by limits.max_tilt and twist by "
                "limits.max_twist, in the frame of the action"
            )

    def counted_as(self, limit: str) -> str:
        """Return the name under which violations of a limit are counted."""
        return "cone" if limit == "box" else self.prefix + limit

    def between(self, first: Vector, second: Vector) -> Vector:
        """Return the shortest turn (3,) from an orientation (4,) to another [rad]."""
        return turn_between(first, second)

    def moved(self, point: Vector, move: Vector) -> Vector:
        """Return the orientation (4,) after a turn (3,) [rad]."""
        return turned(point, move)

    def into(self, point: Vector) -> Vector:
        """Return an orientation (4,) with tilt and twist within the limits."""
        tilt, twist = self.tilt_and_twist(point)
        if self._nominal is None or (tilt <= self._tilt and abs(twist) <= self._twist):
            return point
        spin = Rotation.from_rotvec([0.0, 0.0, twist])
        swing = (self._away * Rotation.from_quat(point) * spin.inv()).as_rotvec()
        swing *= min(1.0, self._tilt / tilt) if tilt else 1.0
        allowed = Rotation.from_rotvec([0.0, 0.0, np.clip(twist, -self._twist, self._twist)])
        found = self._nominal * Rotation.from_rotvec(swing) * allowed
        return same_sign(found.as_quat(), point)

    def stays(self, start: Vector, move: Vector) -> bool:
        """Return whether a turn (3,) stays within the limits all the way, or goes no further out.

        On the way, the z-axis goes along a circle, so that its largest tilt is known, and the twist
        changes in one direction only.
        """
        if self._nominal is None:
            return True
        tilt, twist = self.tilt_and_twist(start)
        if self._largest_tilt(start, move) > max(self._tilt, tilt) + ROUNDING:
            return False
        if self._twist >= ALL_ROUND:
            return True
        end = self.tilt_and_twist(turned(start, move))[1]
        bound = max(self._twist, abs(twist)) + ROUNDING
        return abs(end) <= bound and abs(end - twist) <= math.pi  # not through the back

    def outside(self, point: Vector) -> str:
        """Return by how much an orientation is turned too far."""
        tilt, twist = self.tilt_and_twist(point)
        if tilt > self._tilt:
            return (
                f"tilts the hand by {tilt:.2f} rad from limits.orientation; limits.max_tilt allows "
                f"{self._tilt:.2f} rad"
            )
        return (
            f"twists the hand by {twist:.2f} rad from limits.orientation; limits.max_twist allows "
            f"{self._twist:.2f} rad"
        )

    def tilt_and_twist(self, point: Vector) -> tuple[float, float]:
        """Return tilt, 0 to pi, and twist, -pi to pi, of an orientation (4,) [rad]."""
        if self._away is None:
            return 0.0, 0.0
        x, y, z, w = (self._away * Rotation.from_quat(point)).as_quat()
        twist = 2 * math.atan2(z, w)
        twist -= 2 * math.pi * round(twist / (2 * math.pi))
        return 2 * math.atan2(math.hypot(x, y), math.hypot(z, w)), twist

    def _largest_tilt(self, start: Vector, move: Vector) -> float:
        """Return the largest tilt on the way of a turn (3,) [rad]."""
        assert self._nominal is not None
        angle = float(np.linalg.norm(move))
        center = self._nominal.apply([0.0, 0.0, 1.0])
        hand = Rotation.from_quat(start).apply([0.0, 0.0, 1.0])
        axis = move / angle if angle else center
        # The cosine of the tilt after a turn by a is still + cosine * cos(a) + sine * sin(a).
        still = float(hand @ axis) * float(axis @ center)
        cosine = float(hand @ center) - still
        sine = float(np.cross(axis, hand) @ center)
        furthest = (math.atan2(sine, cosine) + math.pi) % (2 * math.pi)
        angles = [0.0, angle, *([furthest] if furthest < angle else [])]
        least = min(still + cosine * math.cos(a) + sine * math.sin(a) for a in angles)
        return math.acos(min(max(least, -1.0), 1.0))
