"""The gripper between plans: what each plan commands at its time, within the limits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wm_planner.control.gate import CommandGate
from wm_planner.control.history import CommandHistory
from wm_planner.models.spec import GripperMapping
from wm_planner.types import Grip, Vector

ROUNDING = 1e-9  # [s]
STILL = 0.001
"""Change of the commanded width that is no motion [m]."""
MOVED = 0.005
"""Change of the measured width that the last commands do not explain, so somebody moved it [m]."""


class GripperStream:
    """Turns the gripper's numbers of plans into a width at every time.

    During each environment step of a plan, the gripper goes to the width of this step; after the
    last one that the arm plays, between plans and after a goal, it stays where it was commanded. A
    held object keeps the measured width larger than the commanded one, so the next goal goes on
    from the commanded width, unless somebody has moved the fingers meanwhile.

    Args:
        mapping: How a number becomes a width.
        dt: Duration of an environment step in training [s].
        step_time: Time in which the arm carries it out [s].

    Attributes:
        moved: When it was last commanded to move [s, ROS time].
    """

    def __init__(self, mapping: GripperMapping, dt: float, step_time: float) -> None:
        self._mapping, self._dt, self._step_time = mapping, dt, step_time
        self._measured, self._when = math.nan, -math.inf
        self._history = CommandHistory()
        self.moved = -math.inf
        self.forget()
        self.clear()

    def measure(self, width: float, steady: float) -> None:
        """Take a width [m] that was measured at a time [s, steady clock]."""
        self._measured, self._when = width, steady

    def clear(self) -> None:
        """Forget the plan; the gripper stays as it is."""
        self._plan: Sequence[float] = ()
        self._numbers: Vector = np.empty(0)
        self._begin = self._end = 0.0
        self._history.clear()

    def forget(self) -> None:
        """Forget what was commanded: the gripper is where it is measured."""
        self._target = self._width = self._rest = math.nan

    def start(self) -> None:
        """Begin a goal from the commanded width, or from the measured one if they do not fit."""
        if math.isnan(self._rest):
            return  # unmeasured so far, nothing contradicts what was commanded
        low, high = sorted((self._rest, self._target))
        if not low - MOVED <= self._measured <= high + MOVED:
            self.forget()

    def unknown(self, steady: float, max_age: float) -> str:
        """Return why no goal can begin, or an empty string.

        Args:
            steady: Steady time [s].
            max_age: Largest age of a measured width [s].
        """
        known = not math.isnan(self._target) or steady - self._when <= max_age
        if not self._mapping.needs_width or known:
            return ""
        return (
            "the width of the gripper is not known, and the model's actions change it: are its "
            "joints (gripper.joints) on joint_states?"
        )

    def splice(self, numbers: Vector, stamp: float, begin: float, end: float) -> None:
        """Switch to a plan.

        Args:
            numbers: The gripper's numbers (steps,), one per environment step.
            stamp: Stamp of the image that the plan was made from [s].
            begin: Time of the stream at which the plan would have begun [s].
            end: Time of the stream until which it is played [s].
        """
        if not self._history:
            present = self._measured if math.isnan(self._target) else self._target
            self._history.add(stamp, 0.0, np.array([present, math.nan]))
        past = float(self._history.at(stamp)[0])
        self._plan, self._numbers = self._mapping.widths(numbers, past, self._dt), numbers
        self._begin, self._end = begin, end

    def next(self, clock: float, dt: float, now: float, gate: CommandGate) -> Grip | None:
        """Go on toward the width of the present step.

        Args:
            clock: Time of the stream [s].
            dt: Time since the last command [s].
            now: ROS time [s].
            gate: The limits.

        Returns:
            What is commanded; None without a plan, or if the plan keeps an unknown width.

        Raises:
            LimitViolation: The width is outside of the range, under the policy ``refuse``.
        """
        if gate.gripper is None or not self._plan:
            return None
        played = min(clock, self._end - ROUNDING) - self._begin
        step = min(max(int(played / self._step_time), 0), len(self._plan) - 1)
        wanted = self._plan[step]
        if math.isnan(wanted):
            return None
        target, most = gate.check_width(wanted), gate.gripper.speed * dt
        before = self._width
        if math.isnan(before):  # unmeasured, the gripper itself decides how fast it goes there
            before = target if math.isnan(self._measured) else gate.gripper.into(self._measured)
        self._width = before + min(max(target - before, -most), most)
        known = self._measured if math.isnan(self._target) else self._target
        if not (abs(target - before) < STILL and abs(target - known) < STILL):  # NaN: unknown
            self.moved = now
        self._target, self._rest = target, self._measured
        self._history.add(now, 0.0, np.array([target, self._numbers[step]]))
        return Grip(self._width, target)

    def executed(self, at: Vector) -> Vector:
        """Return the numbers (k,) that were carried out between ROS times (k + 1,) [s].

        NaN where nothing was commanded yet, so that nobody knows.
        """
        if not self._history:
            return np.full(len(at) - 1, math.nan)
        middles = (at[1:] + at[:-1]) / 2  # a number counts during the whole of its step
        if self._mapping.mode == "absolute":
            return np.array([self._history.at(time)[1] for time in middles])
        before = middles[0] - (at[1] - at[0])
        widths = np.array([self._history.at(time)[0] for time in (before, *middles)])
        return self._mapping.changes(widths, self._dt)
