"""The speed at which the arm goes along its path."""

from __future__ import annotations

from wm_planner.control.gate import CommandGate
from wm_planner.types import Vector


class TimeScale:
    """Seconds of the path per second; it changes so slowly that the limits hold.

    Args:
        override: Share of the planned speed that the operator allows, 0 to 1.
        blend: Time in which the arm comes to rest from full speed [s], or longer if the limits of
            acceleration demand it.

    Attributes:
        override: As above; it may change at any time.
        value: The present time scale, 0 to 1.
    """

    def __init__(self, override: float, blend: float) -> None:
        self.override = self.value = override
        self._blend = blend

    def restart(self) -> None:
        """Begin at the speed that is allowed, for the arm is at rest and takes up no plan yet."""
        self.value = self.override

    def rest(self) -> None:
        """Begin at zero: the arm has come to rest on its path."""
        self.value = 0.0

    def next(self, pace: float, dt: float, velocity: Vector, gate: CommandGate) -> float:
        """Return the time scale after a time step.

        Args:
            pace: Share of the allowed speed at which the arm may go, 0 to 1.
            dt: The time step [s].
            velocity: The present velocity (m,).
            gate: The limits of speed and acceleration.
        """
        wanted, braking = self.override * pace, gate.time_to_rest()
        if wanted < self.value:
            braking = min(braking, gate.time_to_rest(velocity) / self.value)
        change = dt / max(self._blend, braking, dt)
        return self.value + min(max(wanted - self.value, -change), change)
