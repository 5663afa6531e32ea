"""The gate that checks every command before it is published."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from wm_planner.config import LimitsConfig
from wm_planner.control.command_limits import CommandLimits
from wm_planner.control.rotation import angle_between
from wm_planner.types import Vector

MAX_TRACKING_ERROR = 2.0  # times the lead; a larger one is a violation
ROUNDING = 1e-9  # [m or rad] smaller differences are not violations
SLACK = 1.001  # factor on speed and acceleration, so that rounding is not a violation
BISECTIONS = 20  # steps of the search for the fastest safe velocity


class LimitViolation(Exception):
    """A command was refused; the message names the limit and by how much it was exceeded."""


@dataclass
class Counters:
    """What the gate has done so far.

    Attributes:
        passed: Commands that were not changed.
        clamped: Commands brought back to the limits.
        refused: Commands refused.
        limits: Number of violations of each limit: ``finite``, ``tracking_error``, ``box``,
            ``speed``, ``acceleration``, ``lead``, ``turn``.
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
        LimitsError: The box is missing or inverted.
    """

    def __init__(self, config: LimitsConfig, joints: Sequence[str] = ()) -> None:
        self.limits = CommandLimits.of(config, joints)
        self._clamp = config.policy == "clamp"
        self._max_turn = config.max_turn or math.inf
        self.counters = Counters()

    def outside(self, position: ArrayLike) -> float:
        """Return how far a position (n,) lies outside of the box [m or rad]; 0 if inside."""
        return float(np.abs(self.limits.into(position) - np.asarray(position)).max())

    def check(
        self, position: ArrayLike, *, previous: Sent, measured: Vector | None, dt: float
    ) -> Sent:
        """Return the command that may be sent.

        Clamping brings a command toward the measured position (lead), into the box, and to a
        velocity that can be reached from the last one and leaves room to brake inside the box. Box,
        speed and acceleration therefore always hold; the lead holds as soon as they allow it.

        Args:
            position: Wanted position (n,) [m or rad].
            previous: The last command sent.
            measured: Measured position (n,) [m or rad]; None while the arm slows down, because
                that must not depend on it.
            dt: Time since the last command [s], above 0.

        Raises:
            LimitViolation: The command is not finite, the tracking error is too large, or the
                command violates a limit under the policy ``refuse``. While the arm slows down,
                only a command that is not finite raises.
        """
        wanted, limits = np.asarray(position, dtype=np.float64), self.limits
        if wanted.shape != limits.lower.shape or not np.isfinite(wanted).all():
            raise self._violation("finite", f"the command {wanted.tolist()} is not finite")
        near = wanted if measured is None else self._near(wanted, previous, measured)
        inside = limits.into(near)
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
        limits = self.limits
        apart = limits.size(measured - previous.position)
        if not apart <= MAX_TRACKING_ERROR * limits.lead:
            raise self._violation(
                "tracking_error",
                f"the arm is {apart:.3f} {limits.unit} from its commanded position, more than "
                f"{MAX_TRACKING_ERROR:g} times {limits.name('lead')} ({limits.lead:.3f} "
                f"{limits.unit}): its controller does not follow, or "
                f"{'joint_states' if limits.joints else 'current_pose'} is wrong",
            )
        return limits.within(wanted, measured, limits.lead)

    def check_turn(self, commanded: Vector, measured: Vector) -> None:
        """Check that the arm has the commanded orientation, both (x, y, z, w).

        Raises:
            LimitViolation: The angle between the two is too large.
        """
        angle = angle_between(commanded, measured)
        if angle > self._max_turn:
            raise self._violation(
                "turn",
                f"the arm is turned by {angle:.2f} rad from its commanded orientation, more than "
                f"limits.max_turn ({self._max_turn:.2f} rad): its controller does not follow, or "
                "current_pose is wrong",
            )

    def slow(self, velocity: Vector) -> Vector:
        """Return a velocity (n,) reduced to the largest speed."""
        return self.limits.within(velocity, np.zeros_like(velocity), SLACK * self.limits.speed)

    def _reachable(self, wanted: Vector, previous: Sent, dt: float) -> Vector:
        """Return the velocity nearest to the wanted one within speed, acceleration and box."""
        limits, last = self.limits, previous.velocity
        change = self._change(previous, dt)
        velocity = self.slow(limits.within(wanted, last, change))
        # An arm that starts slightly outside the box may not go further out.
        lower = np.minimum(limits.lower, previous.position) - ROUNDING
        upper = np.maximum(limits.upper, previous.position) + ROUNDING

        def stays(candidate: Vector) -> bool:
            end = previous.position + candidate * dt + limits.braking(candidate)
            return bool((end >= lower).all() and (end <= upper).all())

        if stays(velocity):
            return velocity
        safe = last - limits.within(last, np.zeros_like(last), change)  # braking is always safe
        share, step = 0.0, 0.5
        for _ in range(BISECTIONS):
            if stays(safe + (share + step) * (velocity - safe)):
                share += step
            step /= 2
        return np.asarray(safe + share * (velocity - safe))

    def _change(self, previous: Sent, dt: float) -> float:
        """Return the largest allowed change of velocity between the middles of two periods."""
        return SLACK * self.limits.acceleration * max(dt, (dt + previous.dt) / 2)

    def _violation(self, limit: str, sentence: str) -> LimitViolation:
        self.counters.refused += 1
        self.counters.limits[limit] += 1
        return LimitViolation(sentence)

    def _reason(
        self, wanted: Vector, near: Vector, inside: Vector, previous: Sent, dt: float
    ) -> tuple[str, str]:
        """Return the violated limit, and a sentence about it."""
        limits, unit = self.limits, self.limits.unit
        place = f"the command {np.round(wanted, 4).tolist()} {unit}"
        if (limits.into(wanted) != wanted).any():
            low, high = limits.lower.tolist(), limits.upper.tolist()
            return "box", f"{place} lies outside of {limits.box}, {low} to {high} {unit}"
        if (near != wanted).any():
            return "lead", (
                f"{place} is further from the measured position than {limits.name('lead')} allows "
                f"({limits.lead:.3f} {unit})"
            )
        velocity = (inside - previous.position) / dt
        if (speed := limits.size(velocity)) > SLACK * limits.speed:
            return "speed", (
                f"{place} needs a speed of {speed:.3f} {unit}/s; {limits.name('speed')} allows "
                f"{limits.speed:.3f} {unit}/s"
            )
        if (change := limits.size(velocity - previous.velocity)) > self._change(previous, dt):
            return "acceleration", (
                f"{place} changes the velocity by {change:.3f} {unit}/s in {dt:.3f} s; "
                f"{limits.name('acceleration')} is {limits.acceleration:.3f} {unit}/s^2"
            )
        return "box", f"{place} is too fast to stop inside {limits.box}"
