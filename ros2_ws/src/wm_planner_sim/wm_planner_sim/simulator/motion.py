"""One model step: how an action moves the arm in collection and evaluation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from wm_planner.types import Vector
from wm_planner_sim.simulator.actions import MAX_STEP, STEP_DURATION
from wm_planner_sim.simulator.simulation import CONTROL_PERIOD, Simulation

STEP_TICKS = round(STEP_DURATION / CONTROL_PERIOD)
"""Control ticks in one model step."""


def targets(start: ArrayLike, displacement: ArrayLike) -> Iterator[Vector]:
    """Yield the positions (3,) [m] to command at the ticks of one model step, evenly spaced.

    The displacement (3,) [m] is limited to ``MAX_STEP`` per axis.
    """
    origin = np.asarray(start, dtype=np.float64)
    reach = np.clip(np.asarray(displacement, dtype=np.float64), -MAX_STEP, MAX_STEP)
    for tick in range(1, STEP_TICKS + 1):
        yield origin + reach * tick / STEP_TICKS


def move(simulation: Simulation, action: ArrayLike) -> None:
    """Carry out an action of the simulation's task in one model step of 0.2 s.

    The step starts at the last commanded position, not at the measured one, so that the arm's lag
    does not add up. Targets outside the workspace are clipped.

    Raises:
        ValueError: It is not an action of the task.
    """
    actions = simulation.task.actions
    simulation.set_width(actions.width(action, simulation.commanded_width))
    for target in targets(simulation.target, actions.displacement(action)):
        simulation.set_target(target)
        simulation.step()
