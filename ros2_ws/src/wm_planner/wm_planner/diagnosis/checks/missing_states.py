"""``proprio`` that is missing: a plan needs the states of start and goal."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import STOP, Result
from wm_planner.diagnosis.examined import GivenStates


def run(states: GivenStates) -> Iterator[Result]:
    """Ask for the states that a plan needs."""
    names = states.spec.proprio.names
    if states.required and names and not (states.start and states.goal):
        given = f"--proprio and --goal-proprio ({', '.join(names)})"
        sentence = f"This model needs the robot's state to plan: give {given}."
        yield Result("proprio", 1.0, 0.0, STOP, sentence)


CHECK = Check(("proprio",), GivenStates, run, essential=True)
