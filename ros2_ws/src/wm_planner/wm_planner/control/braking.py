"""How an arm that is stopped slows to rest."""

from __future__ import annotations

import math

from wm_planner.control.gate import CommandGate
from wm_planner.types import Vector

ROUNDING = 1e-9  # [s]


class Braking:
    """Lets the velocity fall evenly to zero.

    Args:
        period: Time between two commands [s].
        blend: Time in which an arm at full speed at least comes to rest [s].

    Attributes:
        left: Time until the arm is at rest [s].
    """

    def __init__(self, period: float, blend: float) -> None:
        self._period, self._blend = period, math.ceil(blend / period)
        self.left = 0.0

    def begin(self, gate: CommandGate, share: float, *velocities: Vector) -> None:
        """Begin to slow, for as long as the limits of acceleration demand.

        Args:
            gate: The limits.
            share: Share of the full speed at which the arm goes along its path, 0 to 1.
            velocities: Velocities (m,) that have to end; an arm at rest has nothing to do.
        """
        periods = math.ceil(max(map(gate.time_to_rest, velocities)) / self._period)
        blend = math.ceil(share * self._blend)
        self.left = self._period * max(periods, blend) if periods else 0.0

    def after(self, dt: float) -> float:
        """Return the time until the arm is at rest after ``dt`` more [s]."""
        return left if (left := self.left - dt) > ROUNDING else 0.0
