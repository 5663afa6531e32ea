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
CREEP = 1e-13  # [rad] by which a hand outside may go further out, because numbers are rounded
DETOUR = 0.05  # [rad] way to a goal that is looked ahead where the direct turn leaves the cone
INSIDE = 0.999  # share of the largest tilt that such a way keeps
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
        self.moves = turns
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
        swing, _ = self._parts(point)
        swing *= min(1.0, self._tilt / tilt) if tilt else 1.0
        return same_sign(self._of(swing, min(max(twist, -self._twist), self._twist)), point)

    def stays(self, start: Vector, move: Vector) -> bool:
        """Return whether a turn (3,) stays within the limits all the way, or goes no further out.

        On the way, the z-axis goes along a circle, so that its largest tilt is known, and the twist
        changes in one direction only.
        """
        if self._nominal is None:
            return True
        tilt, largest = self._tilts(start, move)
        if largest > max(self._tilt + ROUNDING, tilt + CREEP):
            return False
        if self._twist >= ALL_ROUND:
            return True
        twist = self.tilt_and_twist(start)[1]
        end = twist + self._twist_of(start, move)
        return abs(end) <= max(self._twist + ROUNDING, abs(twist) + CREEP)

    def around(self, start: Vector, goal: Vector) -> Vector:
        """Return an orientation (4,) on a way from one to another that keeps within the limits.

        That is the goal itself, unless the shortest turn bulges out of the cone. Then swing and
        twist change evenly on the way, a little inside the rim.
        """
        turn = turn_between(start, goal)
        if self._nominal is None or self.stays(start, turn):
            return goal
        share = min(1.0, DETOUR / self.size(turn))
        (swing, twist), (to_swing, to_twist) = self._parts(start), self._parts(goal)
        swing = swing + share * (to_swing - swing)
        tilt = float(np.linalg.norm(swing))
        swing *= min(1.0, INSIDE * self._tilt / tilt) if tilt else 1.0
        spin = to_twist - twist
        if self._twist >= ALL_ROUND:  # the short way
            spin -= 2 * math.pi * round(spin / (2 * math.pi))
        return same_sign(self._of(swing, twist + share * spin), start)

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

    def _parts(self, point: Vector) -> tuple[Vector, float]:
        """Return the swing as a rotation vector (3,) and the twist of an orientation [rad]."""
        assert self._away is not None
        twist = self.tilt_and_twist(point)[1]
        spin = Rotation.from_rotvec([0.0, 0.0, -twist])
        swing = self._away * Rotation.from_quat(point) * spin
        return np.asarray(swing.as_rotvec()), twist

    def _of(self, swing: Vector, twist: float) -> Vector:
        """Return the orientation (4,) with a swing and a twist [rad]."""
        assert self._nominal is not None
        spin = Rotation.from_rotvec([0.0, 0.0, twist])
        return np.asarray((self._nominal * Rotation.from_rotvec(swing) * spin).as_quat())

    def _twist_of(self, start: Vector, move: Vector) -> float:
        """Return by how much the twist changes on the way of a turn (3,) [rad], also beyond pi.

        Half of the twist is the direction of the vector of w and z of the quaternion, which goes
        along an ellipse, always in the same sense, and half around while the turn is once around.
        """
        assert self._away is not None
        angle = float(np.linalg.norm(move))
        if not angle:
            return 0.0
        if angle >= 2 * math.pi:
            return math.inf
        at = self._away * Rotation.from_quat(start)
        axis = Rotation.from_rotvec(math.pi * move / angle)  # as a quaternion without w
        _, _, z, w = at.as_quat()
        _, _, z_ahead, w_ahead = (self._away * axis * Rotation.from_quat(start)).as_quat()
        cosine, sine = math.cos(angle / 2), math.sin(angle / 2)
        z_end, w_end = cosine * z + sine * z_ahead, cosine * w + sine * w_ahead
        sense = 1.0 if w * z_ahead >= z * w_ahead else -1.0
        change = sense * (math.atan2(z_end, w_end) - math.atan2(z, w)) % (2 * math.pi)
        if change > 1.5 * math.pi:  # rounding of nothing
            change = 0.0
        return 2 * sense * change

    def _tilts(self, start: Vector, move: Vector) -> tuple[float, float]:
        """Return the first and the largest tilt on the way of a turn (3,) [rad]."""
        assert self._nominal is not None
        angle = float(np.linalg.norm(move))
        center = self._nominal.apply([0.0, 0.0, 1.0])
        hand = Rotation.from_quat(start).apply([0.0, 0.0, 1.0])
        axis = move / angle if angle else center
        # The cosine of the tilt after a turn by a is still + cosine * cos(a) + sine * sin(a).
        still = float(hand @ axis) * float(axis @ center)
        cosine = float(hand @ center) - still
        sine = float(np.linalg.det([axis, hand, center]))  # axis x hand @ center
        furthest = (math.atan2(sine, cosine) + math.pi) % (2 * math.pi)
        angles = [0.0, angle, *([furthest] if furthest < angle else [])]
        tilts = [
            math.acos(min(max(still + cosine * math.cos(a) + sine * math.sin(a), -1.0), 1.0))
            for a in angles
        ]
        return tilts[0], max(tilts)
