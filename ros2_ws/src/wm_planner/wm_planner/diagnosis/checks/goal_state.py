"""``goal_proprio``: whether the goal's state is like those of training."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import Fact, Result
from wm_planner.diagnosis.examined import GivenStates
from wm_planner.diagnosis.state_deviation import compare_state

CURE = (
    "No plan can lower the state's part of the loss: take a goal whose state occurs in training, "
    "or lower objective.alpha so that the image decides."
)


def run(states: GivenStates) -> Iterator[Result | Fact]:
    """Compare the goal's state with training, if it was given."""
    if states.goal:
        yield from compare_state("goal_proprio", states.goal, states.spec, "goal", CURE)


CHECK = Check(("goal_proprio",), GivenStates, run)
