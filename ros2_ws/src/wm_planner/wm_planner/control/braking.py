"""How an arm that is stopped slows to rest."""

from __future__ import annotations

import math
from collections.abc import Sequence

from wm_planner.config import CommandsConfig
from wm_planner.control.gate import CommandGate
from wm_planner.control.receiver import sends_velocity
from wm_planner.control.stream_clock import MAX_CLOCK_STALL
from wm_planner.types import Vector

ROUNDING = 1e-9  # [s]


class Braking:
    """Lets the velocity fall evenly to zero.

    Positions go by ROS time, like those before the stop. But each command counts a period if ROS
    time has gone back, stands still for longer than ``MAX_CLOCK_STALL``, as after the death of a
    simulator, or passes at less than a tenth of its rate. Velocities always count a period.

    Args:
        config: Rate and type of the commands, and the time ``commands.blend`` in which an arm at
            full speed at least comes to rest [s].

    Attributes:
        left: Time until the arm is at rest [s].
    """

    def __init__(self, config: CommandsConfig) -> None:
        self._period, self._blend = 1 / config.rate, math.ceil(config.blend * config.rate)
        self._velocities = sends_velocity(config)
        self.left, self._commands = 0.0, 0

    def begin(
        self, moving: Sequence[tuple[CommandGate, Vector]], share: float, *, late: bool
    ) -> None:
        """Begin to slow, for as long as the limits of acceleration demand.

        Args:
            moving: Velocities (m,) that have to end, with their limits; an arm at rest has nothing
                to do.
            share: Share of the full speed at which the arm goes along its path, 0 to 1.
            late: Whether something is late: then no smoother than from full speed.
        """
        if late:
            share = min(share, max(gate.share_of_speed(velocity) for gate, velocity in moving))
        longest = max(gate.time_to_rest(velocity) for gate, velocity in moving)
        periods = math.ceil(longest / self._period)
        blend = math.ceil(share * self._blend)
        self.left = self._period * max(periods, blend) if periods else 0.0
        self._commands = 10 * max(periods, blend)

    def passed(self, passed: float, behind: float) -> float:
        """Return the time for which a command is due [s], 0 for a repetition.

        Args:
            passed: ROS time since the last command [s].
            behind: For how long ROS time has stood still [s].
        """
        self._commands -= 1
        lost = passed < 0 or behind > MAX_CLOCK_STALL or self._commands < 0
        return self._period if self._velocities or lost or not self.left else passed

    def after(self, dt: float) -> float:
        """Return the time until the arm is at rest after ``dt`` more [s]."""
        return left if (left := self.left - dt) > ROUNDING else 0.0
