"""How an arm that is stopped slows to rest."""

from __future__ import annotations

import math

from wm_planner.config import CommandsConfig
from wm_planner.control.gate import CommandGate
from wm_planner.control.receiver import sends_velocity
from wm_planner.control.stream_clock import MAX_CLOCK_STALL
from wm_planner.types import Vector

ROUNDING = 1e-9  # [s]


class Braking:
    """Lets the velocity fall evenly to zero.

    Positions go by ROS time, like those before the stop, but if it has gone back, or is behind the
    commands by more than ``MAX_CLOCK_STALL``, as after the death of a simulator, each command
    counts a period. Velocities always do.

    Args:
        config: Rate and type of the commands, and the time ``commands.blend`` in which an arm at
            full speed at least comes to rest [s].

    Attributes:
        left: Time until the arm is at rest [s].
    """

    def __init__(self, config: CommandsConfig) -> None:
        self._period, self._blend = 1 / config.rate, math.ceil(config.blend * config.rate)
        self._velocities = sends_velocity(config)
        self.left = self._behind = 0.0

    def begin(self, gate: CommandGate, share: float, behind: float, *velocities: Vector) -> None:
        """Begin to slow, for as long as the limits of acceleration demand.

        Args:
            gate: The limits.
            share: Share of the full speed at which the arm goes along its path, 0 to 1.
            behind: For how long ROS time has stood still already [s].
            velocities: Velocities (m,) that have to end; an arm at rest has nothing to do.
        """
        periods = math.ceil(max(map(gate.time_to_rest, velocities)) / self._period)
        blend = math.ceil(share * self._blend)
        self.left = self._period * max(periods, blend) if periods else 0.0
        self._behind = min(behind, MAX_CLOCK_STALL)

    def passed(self, passed: float) -> float:
        """Return the time for which a command is due [s], 0 for a repetition.

        Args:
            passed: ROS time since the last command [s].
        """
        if self._velocities or passed < 0 or not self.left:
            return self._period
        self._behind = max(self._behind + self._period - passed, 0.0)
        if self._behind > MAX_CLOCK_STALL:
            self._behind = MAX_CLOCK_STALL
            return self._period
        return passed

    def after(self, dt: float) -> float:
        """Return the time until the arm is at rest after ``dt`` more [s]."""
        return left if (left := self.left - dt) > ROUNDING else 0.0
