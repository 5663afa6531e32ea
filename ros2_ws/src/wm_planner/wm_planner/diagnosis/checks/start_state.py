"""``proprio`` given by hand: whether the robot's current state is like those of training."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import Fact, Result
from wm_planner.diagnosis.examined import GivenStates
from wm_planner.diagnosis.state_deviation import compare_state

CURE = (
    "The model would predict from a state that it was never trained on: move the arm to where the "
    "training data begin, or correct the state's order, units and frame."
)


def run(states: GivenStates) -> Iterator[Result | Fact]:
    """Compare the current state with training, if it was given."""
    if states.start:
        yield from compare_state("proprio", states.start, states.spec, "current state", CURE)


CHECK = Check(("proprio",), GivenStates, run)
