"""The gripper between plans: what each plan commands at its time, within the limits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wm_planner.control.gate import CommandGate
from wm_planner.control.history import CommandHistory
from wm_planner.models.spec import GripperMapping
from wm_planner.types import Grip, Vector


class GripperStream:
    """Turns the gripper's numbers of plans into a width at every time.

    During each environment step of a plan, the gripper goes to the width of this step. Between
    plans, and after a goal, it stays where it was commanded.

    Args:
        mapping: How a number becomes a width.
        dt: Duration of an environment step in training [s].
        step_time: Time in which the arm carries it out [s].

    """

    def __init__(self, mapping: GripperMapping, dt: float, step_time: float) -> None:
        self._mapping, self._dt, self._step_time = mapping, dt, step_time
        self._measured = self._target = self._width = math.nan
        self._history = CommandHistory()
        self.clear()

    def measure(self, width: float) -> None:
        """Take a measured width [m]."""
        self._measured = width

    def clear(self) -> None:
        """Forget the plan; the gripper stays as it is."""
        self._plan: Sequence[float] = ()
        self._begin = 0.0
        self._history.clear()

    @property
    def unknown(self) -> str:
        """Why no goal can begin, or an empty string."""
        if not self._mapping.needs_width or not math.isnan(self._present):
            return ""
        return (
            "the width of the gripper is not known, and the model's actions change it: are its "
            "joints (gripper.joints) on joint_states?"
        )

    @property
    def _present(self) -> float:
        """The last commanded width, or else the measured one [m]; NaN if both are unknown."""
        return self._measured if math.isnan(self._target) else self._target

    def splice(self, numbers: Vector, stamp: float, begin: float) -> None:
        """Switch to a plan.

        Args:
            numbers: The gripper's numbers (steps,), one per environment step.
            stamp: Stamp of the image that the plan was made from [s].
            begin: Time of the stream at which the plan began, as it is played [s].
        """
        past = self._history.at(stamp)[0] if self._history else self._present
        self._plan, self._begin = self._mapping.widths(numbers, past, self._dt), begin

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
        step = int((clock - self._begin) / self._step_time)
        wanted = self._plan[min(max(step, 0), len(self._plan) - 1)]
        if math.isnan(wanted):
            return None
        target, most = gate.check_width(wanted), gate.gripper.speed * dt
        before = self._measured if math.isnan(self._width) else self._width
        if math.isnan(before):
            before = target  # the gripper itself decides how fast it goes there
        self._width = gate.gripper.into(before + min(max(target - before, -most), most))
        self._target = target
        self._history.add(now, 0.0, np.array([target]))
        return Grip(self._width, target)
