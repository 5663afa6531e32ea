"""One model step: how a displacement becomes targets, in collection, evaluation and on the wire."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wm_planner_sim.simulation import CONTROL_PERIOD, Simulation

STEP_DURATION = 0.2
"""Duration of one model step [s]."""
STEP_TICKS = round(STEP_DURATION / CONTROL_PERIOD)
"""Control ticks in one model step."""
MAX_STEP = 0.05
"""Largest displacement per axis and model step [m]."""


def targets(start: ArrayLike, displacement: ArrayLike) -> Iterator[NDArray[np.float64]]:
    """Positions (3,) [m] to command at the ticks of one model step, evenly from start to end.

    The displacement (3,) [m] is limited to ``MAX_STEP`` per axis.
    """
    origin = np.asarray(start, dtype=np.float64)
    reach = np.clip(np.asarray(displacement, dtype=np.float64), -MAX_STEP, MAX_STEP)
    for tick in range(1, STEP_TICKS + 1):
        yield origin + reach * tick / STEP_TICKS


def move(simulation: Simulation, displacement: ArrayLike) -> None:
    """Displaces the commanded position by (3,) [m] in one model step of 0.2 s.

    It starts from the position commanded last, not from the measured one, so that the lag of the
    arm does not add up; outside the workspace targets are clipped.
    """
    for target in targets(simulation.target, displacement):
        simulation.set_target(target)
        simulation.step()
