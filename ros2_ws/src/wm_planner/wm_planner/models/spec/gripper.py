"""How a number of one action moves the gripper."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wm_planner.models.spec.errors import SpecError
from wm_planner.models.spec.numbers import check, number
from wm_planner.text import quoted

MEASURED_KINDS = ("width", "closedness", "openness")
KINDS = (*MEASURED_KINDS, "open_close")


@dataclass
class GripperMapping:
    """How a number of the action becomes the width of the gripper, the gap between its fingers.

    Attributes:
        name: Name of the action's number.
        kind: ``width``: the width [m]; ``closedness``: 0 open, 1 closed; ``openness``: 0 closed, 1
            open; ``open_close``: open or closed, whichever side of ``threshold`` the number is on.
        mode: ``absolute``: the number is the width; ``relative``: it changes the last commanded
            width; ``velocity``: it is the speed during the environment step. ``open_close`` is
            absolute.
        closed: Width when it is closed in training [m].
        open: Width when it is open in training [m]; the width never leaves ``closed`` to ``open``.
        threshold: Of ``open_close``: above it the gripper does what ``above`` says, below it the
            opposite.
        hysteresis: Of ``open_close``: how far beyond the threshold, on both sides, a number must be
            to change anything.
        above: Of ``open_close``: ``closed`` or ``open``.
    """

    name: str
    kind: str
    mode: str
    closed: float = number(0, 1)
    open: float = number(0, 1)
    threshold: float = number(-1e4, 1e4, 0.5)
    hysteresis: float = number(0, 1e4, 0.0)
    above: str = "closed"

    def __post_init__(self) -> None:
        where = "action.command.gripper"
        check(self, where)
        if self.kind not in KINDS:
            raise SpecError(f"{where}.kind must be {', '.join(KINDS)}, not {quoted(self.kind)}")
        if self.mode not in ("absolute", "relative", "velocity"):
            raise SpecError(
                f"{where}.mode must be absolute, relative or velocity, not {quoted(self.mode)}"
            )
        if self.kind == "open_close" and self.mode != "absolute":
            raise SpecError(f"{where}.mode must be absolute for open_close")
        if self.above not in ("closed", "open"):
            raise SpecError(f"{where}.above must be closed or open, not {quoted(self.above)}")
        if not self.closed < self.open:
            raise SpecError(
                f"{where}.closed ({self.closed:g} m) must be below {where}.open ({self.open:g} m)"
            )

    @property
    def unit(self) -> str:
        """Unit that the number must have: m or 1, per second in mode ``velocity``."""
        unit = "m" if self.kind == "width" else "1"
        return f"{unit}/s" if self.mode == "velocity" else unit

    @property
    def needs_width(self) -> bool:
        """Whether the present width must be known, because numbers change it or may keep it."""
        return self.mode != "absolute" or (self.kind == "open_close" and self.hysteresis > 0)

    def widths(self, numbers: NDArray[np.float64], start: float, dt: float) -> list[float]:
        """Return the widths [m] to which numbers (steps,) lead, one per environment step.

        Args:
            numbers: The action's numbers.
            start: Width that is commanded before the first [m]; NaN if unknown.
            dt: Duration of an environment step [s].
        """
        width, found, scale = start, [], self._scale
        zero = {"width": 0.0, "openness": self.closed}.get(self.kind, self.open)
        for value in numbers.tolist():
            if self.kind == "open_close":
                width = self._side(value, width)
            elif self.mode == "absolute":
                width = zero + scale * value
            else:
                width += scale * value * (dt if self.mode == "velocity" else 1.0)
            width = width if math.isnan(width) else min(max(width, self.closed), self.open)
            found.append(width)
        return found

    def changes(self, widths: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        """Return the numbers (steps,) that changed the width (steps + 1,) [m] from step to step.

        Args:
            widths: Widths before the first environment step and after each.
            dt: Duration of an environment step in training [s].
        """
        scale = self._scale * (dt if self.mode == "velocity" else 1.0)
        return np.asarray(np.diff(widths) / scale)

    @property
    def _scale(self) -> float:
        """Change of the width when the number grows by one [m]."""
        span = self.open - self.closed
        return {"width": 1.0, "openness": span}.get(self.kind, -span)

    def _side(self, value: float, before: float) -> float:
        """Return the width [m] for a number of ``open_close``."""
        if abs(value - self.threshold) <= self.hysteresis:
            return before
        closes = (value > self.threshold) == (self.above == "closed")
        return self.closed if closes else self.open


@dataclass
class ProprioGripper:
    """Which number of the proprio is the gripper's width, and how it says it.

    Attributes:
        name: Name of the number.
        kind: ``width`` [m], ``closedness``: 0 open, 1 closed, or ``openness``: 0 closed, 1 open.
        closed: Width when it is closed in training [m].
        open: Width when it is open in training [m].
    """

    name: str
    kind: str
    closed: float = number(0, 1)
    open: float = number(0, 1)

    def __post_init__(self) -> None:
        where = "proprio.gripper"
        check(self, where)
        if self.kind not in MEASURED_KINDS:
            raise SpecError(
                f"{where}.kind must be {', '.join(MEASURED_KINDS)}, not {quoted(self.kind)}"
            )
        if not self.closed < self.open:
            raise SpecError(
                f"{where}.closed ({self.closed:g} m) must be below {where}.open ({self.open:g} m)"
            )

    @property
    def unit(self) -> str:
        """Unit of the number: m or 1."""
        return "m" if self.kind == "width" else "1"

    def number(self, width: float) -> float:
        """Return the number for a measured width [m]; shares are from 0 to 1."""
        if self.kind == "width":
            return width
        openness = min(max((width - self.closed) / (self.open - self.closed), 0.0), 1.0)
        return openness if self.kind == "openness" else 1.0 - openness
