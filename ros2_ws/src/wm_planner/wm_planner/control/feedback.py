"""Feedback of the measured position to commanded velocities."""

from __future__ import annotations

import numpy as np

from wm_planner.config import CommandsConfig
from wm_planner.control.gate import CommandGate
from wm_planner.control.receiver import sends_velocity
from wm_planner.types import Vector


class VelocityFeedback:
    """Leads an arm that takes velocities back to its path, within the limits.

    Arms that take positions need none of it: their velocity is left as it is.

    Args:
        config: The gain ``commands.feedback`` [1/s] and the rate of the commands.

    Attributes:
        commanded: The last commanded velocity (n,) [m/s or rad/s].
    """

    def __init__(self, config: CommandsConfig) -> None:
        self._gain = config.feedback if sends_velocity(config) else 0.0
        self._period = 1 / config.rate
        self.commanded: Vector = np.zeros(0)

    def rest(self, size: int) -> None:
        """Begin at rest, with a number of axes."""
        self.commanded = np.zeros(size)

    def velocity(
        self, velocity: Vector, error: Vector | None, gate: CommandGate, *, stop: bool
    ) -> Vector:
        """Return the velocity to command, and remember it.

        Args:
            velocity: Velocity of the path (n,) [m/s or rad/s].
            error: From the measured to the commanded position (n,) [m or rad]; None: no feedback.
            gate: The limits.
            stop: Whether this is the last command of a stop.
        """
        if self._gain and not stop:
            if error is not None:
                velocity = gate.slow(velocity + self._gain * error)
            change = gate.limits.acceleration * self._period
            velocity = gate.limits.within(velocity, self.commanded, change)
        self.commanded = velocity
        return velocity
