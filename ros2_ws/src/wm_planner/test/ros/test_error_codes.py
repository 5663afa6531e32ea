"""The error codes of the action and those of the control loop are the same."""

from __future__ import annotations

from wm_planner_msgs.action import ReachGoal

from wm_planner.control import ErrorCode


def test_the_error_codes_are_the_constants_of_the_action() -> None:
    result = ReachGoal.Result
    constants = {
        name: getattr(result, name)
        for name in dir(type(result))
        if name.isupper() and isinstance(getattr(result, name), int)
    }
    assert constants == {code.name: code.value for code in ErrorCode}
