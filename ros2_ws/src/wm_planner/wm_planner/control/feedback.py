"""Feedback of the measured pose to commanded velocities."""

from __future__ import annotations

import math

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
        commanded: The last commanded velocity (m,), see ``CommandSpace``.
    """

    def __init__(self, config: CommandsConfig) -> None:
        self._gain = config.feedback if sends_velocity(config) else 0.0
        self._period = 1 / config.rate
        self.commanded: Vector = np.zeros(0)

    def rest(self, moves: int) -> None:
        """Begin at rest, with velocities of this many numbers."""
        self.commanded = np.zeros(moves)

    def velocity(
        self, velocity: Vector, error: Vector | None, gate: CommandGate, *, stop: bool
    ) -> Vector:
        """Return the velocity to command, and remember it.

        Args:
            velocity: Velocity of the path (m,).
            error: Move from the measured to the commanded point (m,); None: no feedback.
            gate: The limits.
            stop: Whether this is the last command of a stop.
        """
        if self._gain and not stop:
            if error is not None:
                velocity = gate.slow(velocity + self._gain * _believed(error, gate))
            velocity = gate.reachable(velocity, self.commanded, self._period)
        self.commanded = velocity
        return velocity


def _believed(error: Vector, gate: CommandGate) -> Vector:
    """Return the error without the turn, unless the hand turns and its orientation is measured."""
    rotation = gate.rotation
    if rotation is None or (rotation.moves and math.isfinite(rotation.lead)):
        return error
    return np.concatenate([error[:3], np.zeros(3)])
