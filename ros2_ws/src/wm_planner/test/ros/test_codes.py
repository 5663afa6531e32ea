"""The codes of the action and those of the rules are the same numbers."""

from __future__ import annotations

from wm_planner_msgs.action import ReachGoal

from wm_planner.control import ErrorCode


def test_every_code_is_a_constant_of_the_action_and_back() -> None:
    result = ReachGoal.Result
    constants = {
        name: getattr(result, name)
        for name in dir(type(result))
        if name.isupper() and isinstance(getattr(result, name), int)
    }
    assert constants == {code.name: code.value for code in ErrorCode}
