"""Checks one part of a command: positions, joints, or an orientation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wm_planner.control.part_limits import PartLimits
from wm_planner.types import Vector

MAX_TRACKING_ERROR = 2.0  # times the lead; a larger one is a violation
ROUNDING = 1e-9  # [m or rad] smaller differences are not violations
SLACK = 1.001  # factor on speed and acceleration, so that rounding is not a violation


@dataclass(frozen=True)
class Sent:
    """A command that was sent, or a part of it.

    Attributes:
        point: Where the arm was sent (n,); see ``CommandSpace``.
        velocity: Move since the command before it, per second (m,).
        dt: Time since the command before it [s]; 0 for the first.
    """

    point: Vector
    velocity: Vector
    dt: float = 0.0


@dataclass(frozen=True)
class Violation:
    """A limit that a wanted command does not keep.

    Attributes:
        limit: What it is counted as: ``finite``, or for positions ``tracking_error``, ``box``,
            ``speed``, ``acceleration``, ``lead``, for orientations ``cone``, or one of the others
            with ``angular_`` before it, for the gripper ``gripper``.
        sentence: Names the limit, and by how much it is exceeded.
    """

    limit: str
    sentence: str


class PartGate:
    """Brings one part of the commands within its limits.

    Args:
        limits: The limits of the part.
    """

    def __init__(self, limits: PartLimits) -> None:
        self.limits = limits

    def impossible(
        self, wanted: Vector, previous: Sent, measured: Vector | None
    ) -> Violation | None:
        """Return why no command may be sent, not even one within the limits."""
        limits = self.limits
        if wanted.shape != previous.point.shape or not np.isfinite(wanted).all():
            shown = f"the commanded {limits.what} {wanted.tolist()} is not finite"
            return Violation("finite", shown)
        if measured is None or not math.isfinite(limits.lead):
            return None
        apart = limits.size(limits.between(previous.point, measured))
        if apart <= MAX_TRACKING_ERROR * limits.lead:
            return None
        return self._violation(
            "tracking_error",
            f"the arm is {apart:.3f} {limits.unit} from its commanded {limits.what}, more than "
            f"{MAX_TRACKING_ERROR:g} times {limits.name('lead')} ({limits.lead:.3f} "
            f"{limits.unit}): its controller does not follow, or {limits.measured_by} is wrong",
        )

    def nearest(
        self, wanted: Vector, previous: Sent, measured: Vector | None, dt: float
    ) -> tuple[Sent, Violation | None]:
        """Return the command within the limits that is nearest to the wanted one.

        The command is brought toward the measured point (lead), into the region, and to a velocity
        that can be reached from the last one and leaves room to brake inside the region. Region,
        speed and acceleration therefore always hold; the lead holds as soon as they allow it.

        Args:
            wanted: Wanted point (n,), not ``impossible``.
            previous: The last command sent.
            measured: Measured point (n,); None if the command must not depend on it.
            dt: Time since the last command [s], above 0.

        Returns:
            The command, and the limit for which it differs from the wanted one, or None.
        """
        limits = self.limits
        near = wanted if measured is None else self._near(wanted, measured)
        inside = limits.into(near)
        velocity = self._reachable(inside, previous, dt)
        allowed = limits.moved(previous.point, velocity * dt)
        if np.abs(limits.between(allowed, wanted)).max() <= ROUNDING:
            return Sent(wanted, limits.between(previous.point, wanted) / dt, dt), None
        return Sent(allowed, velocity, dt), self._reason(wanted, near, inside, previous, dt)

    def slow(self, velocity: Vector) -> Vector:
        """Return a velocity (m,) reduced to the largest speed."""
        return self.limits.within(velocity, np.zeros_like(velocity), SLACK * self.limits.speed)

    def _near(self, wanted: Vector, measured: Vector) -> Vector:
        """Return the wanted point brought toward the measured one."""
        limits = self.limits
        if not limits.moves:
            return wanted
        lead = limits.between(measured, wanted)
        allowed = limits.within(lead, np.zeros_like(lead), limits.lead)
        return wanted if allowed is lead else limits.moved(measured, allowed)

    def _reachable(self, wanted: Vector, previous: Sent, dt: float) -> Vector:
        """Return the velocity toward a point (n,) within speed, acceleration and region."""
        limits, last = self.limits, previous.velocity
        change = self._change(previous, dt)

        ahead = limits.around(previous.point, wanted)
        velocity = limits.between(previous.point, ahead) / dt
        velocity = self.slow(limits.within(velocity, last, change))

        def stays(candidate: Vector) -> bool:
            return limits.stays(previous.point, candidate * dt + limits.braking(candidate))

        if stays(velocity):
            return velocity
        safe = last - limits.within(last, np.zeros_like(last), change)  # braking is always safe
        share, step = 0.0, 0.5
        for _ in range(limits.bisections):
            if stays(safe + (share + step) * (velocity - safe)):
                share += step
            step /= 2
        return np.asarray(safe + share * (velocity - safe))

    def _change(self, previous: Sent, dt: float) -> float:
        """Return the largest allowed change of velocity between the middles of two periods."""
        return SLACK * self.limits.acceleration * max(dt, (dt + previous.dt) / 2)

    def _violation(self, limit: str, sentence: str) -> Violation:
        return Violation(self.limits.counted_as(limit), sentence)

    def _reason(
        self, wanted: Vector, near: Vector, inside: Vector, previous: Sent, dt: float
    ) -> Violation:
        """Return the violated limit."""
        limits, unit = self.limits, self.limits.unit
        place = f"the commanded {limits.what} {np.round(wanted, 4).tolist()}"
        if (limits.into(wanted) != wanted).any():
            return self._violation("box", f"{place} {limits.outside(wanted)}")
        if (near != wanted).any():
            return self._violation(
                "lead",
                f"{place} is further from the measured one than {limits.name('lead')} allows "
                f"({limits.lead:.3f} {unit})",
            )
        velocity = limits.between(previous.point, inside) / dt
        if (speed := limits.size(velocity)) > SLACK * limits.speed:
            return self._violation(
                "speed",
                f"{place} needs a speed of {speed:.3f} {unit}/s; {limits.name('speed')} allows "
                f"{limits.speed:.3f} {unit}/s",
            )
        if (change := limits.size(velocity - previous.velocity)) > self._change(previous, dt):
            return self._violation(
                "acceleration",
                f"{place} changes the velocity by {change:.3f} {unit}/s in {dt:.3f} s; "
                f"{limits.name('acceleration')} is {limits.acceleration:.3f} {unit}/s^2",
            )
        return self._violation("box", f"{place} is too fast to stop inside {limits.region}")
