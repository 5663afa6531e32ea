"""The command in force at a past time is found."""

from __future__ import annotations

import numpy as np

from wm_planner.control.history import LENGTH, CommandHistory


def _filled(*times: float) -> CommandHistory:
    history = CommandHistory()
    for time in times:
        history.add(time, 10 * time, np.array([time]))
    return history


def test_the_last_command_before_a_time_is_in_force() -> None:
    history = _filled(1.0, 2.0, 3.0)
    assert [history.at(time)[0] for time in (2.0, 2.9, 3.0, 99.0)] == [2.0, 2.0, 3.0, 3.0]
    assert [history.clock_at(time) for time in (2.0, 2.9, 99.0)] == [20.0, 20.0, 30.0]


def test_before_the_first_command_the_first_is_returned() -> None:
    assert _filled(1.0, 2.0).at(0.5)[0] == 1.0


def test_old_commands_are_forgotten_except_the_newest() -> None:
    assert _filled(1.0, 2.0, 2.5 + LENGTH).at(0.0)[0] == 2.5 + LENGTH


def test_a_clock_that_jumped_back_clears_the_history() -> None:
    assert _filled(5.0, 6.0, 1.0).at(5.5)[0] == 1.0


def test_with_a_lag_the_arm_is_where_it_was_commanded_to_be_before() -> None:
    history = CommandHistory(lag=0.5)
    assert not history
    for time in (1.0, 2.0, 3.0):
        history.add(time, 10 * time, np.array([time]))
    assert [history.at(time)[0] for time in (2.4, 2.5, 3.4)] == [1.0, 2.0, 2.0]
    assert history.clock_at(3.6) == 30.0
    assert history.passed[0] == 2.0
