"""The last gate before the wire: no command leaves that was not checked here."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wm_planner.config import LimitsConfig

Vector = NDArray[np.float64]


ASTRAY = 2.0  # the measured pose may be this many max_lead from the last command


class LimitsError(ValueError):
    """The limits themselves make no sense."""


class LimitViolation(Exception):
    """A command was refused; the message says which limit and by how much."""


@dataclass
class Counters:
    """What the gate did since it was made."""

    passed: int = 0
    clamped: int = 0
    refused: int = 0


class CommandGate:
    """Checks a commanded position against the workspace, the speed and the measured pose.

    Args:
        config: Box [m], speed [m/s], lead [m] and policy.

    Raises:
        LimitsError: The workspace box is missing or upside down.
    """

    def __init__(self, config: LimitsConfig) -> None:
        self._lower = np.asarray(config.workspace_min, dtype=np.float64)
        self._upper = np.asarray(config.workspace_max, dtype=np.float64)
        if self._lower.shape != (3,) or self._upper.shape != (3,):
            raise LimitsError(
                "limits.workspace_min and limits.workspace_max are not set: give the box "
                "[x, y, z] in metres that the commands may never leave"
            )
        if not np.isfinite([self._lower, self._upper]).all() or (self._lower >= self._upper).any():
            raise LimitsError(
                f"limits.workspace_min {self._lower.tolist()} must be finite and below "
                f"limits.workspace_max {self._upper.tolist()} in every coordinate"
            )
        self._max_speed = config.max_speed
        self._max_lead = config.max_lead
        self._clamp = config.policy == "clamp"
        self.counters = Counters()

    def into_workspace(self, positions: ArrayLike) -> Vector:
        """Positions (..., 3) [m] clipped to the box."""
        return np.clip(np.asarray(positions, dtype=np.float64), self._lower, self._upper)

    def contains(self, position: ArrayLike, margin: float = 0.01) -> bool:
        """Whether a position (3,) lies in the box, give or take ``margin`` [m]."""
        inside = np.abs(self.into_workspace(position) - np.asarray(position))
        return bool((inside <= margin).all())

    def check(
        self, position: ArrayLike, *, previous: Vector, measured: Vector, dt: float
    ) -> Vector:
        """The position that may be sent.

        Clamping brings a command towards the measured pose (lead), into the box, and towards the
        last one sent (speed), in this order: the last one lies in the box, so box and speed always
        hold.

        Args:
            position: Wanted position (3,) [m].
            previous: Last position sent (3,) [m].
            measured: Measured position (3,) [m].
            dt: Time since ``previous`` was sent [s].

        Returns:
            The checked position (3,) [m].

        Raises:
            LimitViolation: The command is not finite, the arm is far from where it was told to
                be, or the command breaks a limit under the policy ``refuse``.
        """
        wanted = np.asarray(position, dtype=np.float64)
        if wanted.shape != (3,) or not np.isfinite(wanted).all():
            self.counters.refused += 1
            raise LimitViolation(f"the command {wanted.tolist()} is not a finite position")
        apart = math.dist(measured, previous)
        if not apart <= ASTRAY * self._max_lead:
            self.counters.refused += 1
            raise LimitViolation(
                f"the arm is {apart:.3f} m from where it was told to be (limits.max_lead is "
                f"{self._max_lead:.3f} m): its controller does not follow, or current_pose is wrong"
            )
        # One per mille and a micrometre of slack: rounding is not a violation.
        step = self._max_speed * dt * 1.001 + 1e-6
        allowed = _within(wanted, measured, self._max_lead)
        allowed = self.into_workspace(allowed)
        allowed = _within(allowed, previous, step)
        if np.abs(allowed - wanted).max() <= 1e-9:
            self.counters.passed += 1
            return wanted
        if not self._clamp:
            self.counters.refused += 1
            raise LimitViolation(self._reason(wanted, previous, measured, step))
        self.counters.clamped += 1
        return allowed

    def _reason(self, wanted: Vector, previous: Vector, measured: Vector, step: float) -> str:
        """A sentence that names the broken limit."""
        if (self.into_workspace(wanted) != wanted).any():
            return (
                f"the command {np.round(wanted, 4).tolist()} m lies outside the workspace "
                f"{self._lower.tolist()} to {self._upper.tolist()} m"
            )
        if (move := float(np.linalg.norm(wanted - previous))) > step:
            return f"the command moves {move:.4f} m at once, limits.max_speed allows {step:.4f} m"
        lead = float(np.linalg.norm(wanted - measured))
        return (
            f"the command lies {lead:.3f} m from the measured position, limits.max_lead allows "
            f"{self._max_lead:.3f} m"
        )


def _within(position: Vector, centre: Vector, radius: float) -> Vector:
    """The point of the ball around ``centre`` that is nearest to ``position``."""
    offset = position - centre
    length = float(np.linalg.norm(offset))
    return position if length <= radius else np.asarray(centre + offset * (radius / length))
