"""What the numbers of a task's actions do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from wm_planner.models.spec import GripperMapping
from wm_planner.types import Vector

STEP_DURATION = 0.2
"""Duration of one model step in training [s]."""
MAX_STEP = 0.05
"""Largest displacement per axis and model step [m]."""
AXES = ("dx", "dy", "dz")
"""Names of displacements of the hand, base frame [m]."""


@dataclass(frozen=True)
class Actions:
    """The numbers of an action, in their order: displacements [m], then the gripper's.

    Attributes:
        axes: Names, of ``AXES``, of the displacements; the other axes stay where they are.
        gripper: How the last number moves the gripper; None: no number does, and it stays as it is.

    Raises:
        ValueError: The gripper's number does not choose between open and closed.
    """

    axes: tuple[str, ...] = AXES
    gripper: GripperMapping | None = None

    def __post_init__(self) -> None:
        if self.gripper and self.gripper.kind != "open_close":
            raise ValueError(f"the gripper of a task is open_close, not {self.gripper.kind}")

    @property
    def names(self) -> list[str]:
        """Names of all numbers."""
        return [*self.axes, *([self.gripper.name] if self.gripper else [])]

    @property
    def units(self) -> list[str]:
        """Units of all numbers."""
        return ["m"] * len(self.axes) + ([self.gripper.unit] if self.gripper else [])

    @property
    def bounds(self) -> tuple[Vector, Vector]:
        """Least and largest numbers, each (A,)."""
        most = [MAX_STEP] * len(self.axes)
        low, high = ([0.0], [1.0]) if self.gripper else ([], [])
        return np.array([-m for m in most] + low), np.array(most + high)

    def displacement(self, action: ArrayLike) -> Vector:
        """Return the displacement of the hand (3,) [m] that an action commands.

        Raises:
            ValueError: ``action`` has not one number for each of ``names``.
        """
        moved = np.zeros(3)
        moved[self._columns] = self._numbers(action)[: len(self.axes)]
        return moved

    def width(self, action: ArrayLike, before: float) -> float:
        """Return the width [m] that an action commands; hysteresis may keep the one before.

        Raises:
            ValueError: As for ``displacement``.
        """
        numbers = self._numbers(action)
        if self.gripper is None:
            return before
        return self.gripper.widths(numbers[-1:], before, STEP_DURATION)[0]

    def of(self, displacement: ArrayLike, action: ArrayLike) -> Vector:
        """Return a copy of an action with another displacement (3,) [m]."""
        changed = np.array(action, dtype=np.float64)
        changed[: len(self.axes)] = np.asarray(displacement)[self._columns]
        return changed

    def _numbers(self, action: ArrayLike) -> Vector:
        numbers = np.asarray(action, dtype=np.float64)
        if numbers.shape != (len(self.names),):
            raise ValueError(f"an action is {', '.join(self.names)}, not {action!r}")
        return numbers

    @property
    def _columns(self) -> list[int]:
        return [AXES.index(name) for name in self.axes]
