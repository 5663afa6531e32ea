"""The gate that checks every command before it is published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from wm_planner.config import LimitsConfig
from wm_planner.control.bounds import Bounds
from wm_planner.types import Vector

MAX_TRACKING_ERROR = 2.0  # times the lead: distance of the measured position from the last command
ROUNDING = 1e-9  # [m or rad] smaller differences are no violation
SLACK = 1.001  # factor on speed and acceleration: rounding is no violation
BISECTIONS = 20


class LimitViolation(Exception):
    """A command was refused; the message says which limit and by how much."""


@dataclass
class Counters:
    """What the gate has done so far.

    Attributes:
        passed: Commands that were not changed.
        clamped: Commands brought back to the limits.
        refused: Commands refused.
        limits: Number of violations of each limit: ``finite``, ``tracking_error``, ``box``,
            ``speed``, ``acceleration``, ``lead``.
    """

    passed: int = 0
    clamped: int = 0
    refused: int = 0
    limits: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Sent:
    """A command that was sent.

    Attributes:
        position: (n,) [m or rad].
        velocity: Displacement since the command before it, per second (n,) [m/s or rad/s].
        dt: Time since the command before it [s]; 0 for the first.
    """

    position: Vector
    velocity: Vector
    dt: float = 0.0


class CommandGate:
    """Checks commanded positions against box, speed, acceleration and measured position.

    Args:
        config: The limits and their policy.
        joints: Names of the commanded joints; empty for Cartesian positions [m].

    Raises:
        LimitsError: The box is missing or upside down.
    """

    def __init__(self, config: LimitsConfig, joints: Sequence[str] = ()) -> None:
        self.bounds = Bounds.of(config, joints)
        self._clamp = config.policy == "clamp"
        self.counters = Counters()

    def contains(self, position: ArrayLike, margin: float = 0.01) -> bool:
        """Return whether a position (n,) lies in the box, within ``margin`` [m or rad]."""
        inside = np.abs(self.bounds.into(position) - np.asarray(position))
        return bool((inside <= margin).all())

    def check(
        self, position: ArrayLike, *, previous: Sent, measured: Vector | None, dt: float
    ) -> Sent:
        """Return the command that may be sent.

        Clamping brings a command toward the measured position (lead), into the box, and to a
        velocity that can be reached from the last one and that leaves room to brake before the
        box ends. So box, speed and acceleration always hold; the lead holds as soon as they allow.

        Args:
            position: Wanted position (n,) [m or rad].
            previous: The last command sent.
            measured: Measured position (n,) [m or rad]; None while the arm slows down, which must
                not depend on it.
            dt: Time since the last command [s], above 0.

        Raises:
            LimitViolation: The command is not finite, the tracking error is too large, or the
                command violates a limit under the policy ``refuse``; while the arm slows down
                only if the command is not finite.
        """
        wanted, bounds = np.asarray(position, dtype=np.float64), self.bounds
        if wanted.shape != bounds.lower.shape or not np.isfinite(wanted).all():
            raise self._violation("finite", f"the command {wanted.tolist()} is not finite")
        near = wanted if measured is None else self._near(wanted, previous, measured)
        inside = bounds.into(near)
        velocity = self._reachable((inside - previous.position) / dt, previous, dt)
        allowed = previous.position + velocity * dt
        if np.abs(allowed - wanted).max() <= ROUNDING:
            self.counters.passed += 1
            return Sent(wanted, (wanted - previous.position) / dt, dt)
        limit, sentence = self._reason(wanted, near, inside, previous, dt)
        if measured is not None and not self._clamp:
            raise self._violation(limit, sentence)
        self.counters.clamped += 1
        self.counters.limits[limit] += 1
        return Sent(allowed, velocity, dt)

    def _near(self, wanted: Vector, previous: Sent, measured: Vector) -> Vector:
        """Return the wanted position brought toward the measured one."""
        bounds = self.bounds
        apart = bounds.size(measured - previous.position)
        if not apart <= MAX_TRACKING_ERROR * bounds.lead:
            raise self._violation(
                "tracking_error",
                f"the arm is {apart:.3f} {bounds.unit} from its commanded position "
                f"({bounds.name('lead')} is {bounds.lead:.3f} {bounds.unit}): its controller does "
                f"not follow, or {'joint_states' if bounds.joints else 'current_pose'} is wrong",
            )
        return bounds.within(wanted, measured, bounds.lead)

    def slow(self, velocity: Vector) -> Vector:
        """Return a velocity (n,) reduced to the largest speed."""
        return self.bounds.within(velocity, np.zeros_like(velocity), SLACK * self.bounds.speed)

    def _reachable(self, wanted: Vector, previous: Sent, dt: float) -> Vector:
        """Return the velocity nearest to a wanted one that keeps to speed, acceleration and box."""
        bounds, last = self.bounds, previous.velocity
        change = self._change(previous, dt)
        velocity = self.slow(bounds.within(wanted, last, change))
        # The arm may start slightly outside the box: then it may not go further out.
        lower = np.minimum(bounds.lower, previous.position) - ROUNDING
        upper = np.maximum(bounds.upper, previous.position) + ROUNDING

        def stays(candidate: Vector) -> bool:
            end = previous.position + candidate * dt + bounds.braking(candidate)
            return bool((end >= lower).all() and (end <= upper).all())

        if stays(velocity):
            return velocity
        safe = last - bounds.within(last, np.zeros_like(last), change)  # braking is always safe
        share, step = 0.0, 0.5
        for _ in range(BISECTIONS):
            if stays(safe + (share + step) * (velocity - safe)):
                share += step
            step /= 2
        return np.asarray(safe + share * (velocity - safe))

    def _change(self, previous: Sent, dt: float) -> float:
        """Return the largest change of velocity, between the middles of two periods."""
        return SLACK * self.bounds.acceleration * max(dt, (dt + previous.dt) / 2)

    def _violation(self, limit: str, sentence: str) -> LimitViolation:
        self.counters.refused += 1
        self.counters.limits[limit] += 1
        return LimitViolation(sentence)

    def _reason(
        self, wanted: Vector, near: Vector, inside: Vector, previous: Sent, dt: float
    ) -> tuple[str, str]:
        """Return the violated limit, and a sentence about it."""
        bounds, unit = self.bounds, self.bounds.unit
        place = f"the command {np.round(wanted, 4).tolist()} {unit}"
        if (bounds.into(wanted) != wanted).any():
            low, high = bounds.lower.tolist(), bounds.upper.tolist()
            return "box", f"{place} lies outside of {bounds.box}, {low} to {high} {unit}"
        if (near != wanted).any():
            return "lead", (
                f"{place} is further from the measured position than {bounds.name('lead')} allows, "
                f"{bounds.lead:.3f} {unit}"
            )
        velocity = (inside - previous.position) / dt
        if (speed := bounds.size(velocity)) > SLACK * bounds.speed:
            return "speed", (
                f"{place} is {speed:.3f} {unit}/s fast, {bounds.name('speed')} allows "
                f"{bounds.speed:.3f} {unit}/s"
            )
        if (change := bounds.size(velocity - previous.velocity)) > self._change(previous, dt):
            return "acceleration", (
                f"{place} changes the velocity by {change:.3f} {unit}/s in {dt:.3f} s, "
                f"{bounds.name('acceleration')} is {bounds.acceleration:.3f} {unit}/s^2"
            )
        return "box", f"{place} is too fast to stop before the end of {bounds.box}"
