"""A problem that lasts, or comes and goes, is logged now and then; the status always has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rclpy.node import Node

from wm_planner.ros import log, problem_log
from wm_planner.ros.problem_log import INTERVAL, STALE, ProblemLog


class Rig:
    """A log with a clock of its own, and what was written."""

    def __init__(self, node: Node, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock, self.lines = clock, list[str]()
        monkeypatch.setattr(log, "warning", lambda _, line: self.lines.append(line))
        monkeypatch.setattr(log, "info", lambda _, line: self.lines.append(line))
        self.log = ProblemLog(node, "no pose", "poses again")

    def report(self, problem: str, after: float = 0.01, key: object = None) -> int:
        """Report a problem after a time [s]; return how many lines there are."""
        self.clock.now += after
        self.log.report(problem, key)
        assert self.log.text == problem
        return len(self.lines)


@pytest.fixture
def rig(
    make_node: Callable[..., Node], clock_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Rig:
    return Rig(make_node("problems"), clock_of(problem_log), monkeypatch)


def test_a_problem_whose_numbers_change_is_logged_once(rig: Rig) -> None:
    for i in range(3000):
        rig.report(f"the pose is {1 + i / 100:.2f} s old")
    assert rig.lines == ["no pose: the pose is 1.00 s old"]


def test_the_problem_of_a_message_explains_a_silence_for_a_while_only(rig: Rig) -> None:
    rig.report("it is damaged")
    assert rig.log.why("it is silent", 0.5) == "it is damaged"
    rig.clock.now += STALE + 0.1
    assert rig.log.why("it is silent", 0.5) == "it is silent"
    assert rig.log.why("", 0.5) == "it is damaged"
    rig.log.report_lasting("its QoS does not match")
    rig.clock.now += 1000.0
    assert rig.log.why("it is silent", 0.5) == "its QoS does not match"


def test_problems_that_come_and_go_are_logged_now_and_then(rig: Rig) -> None:
    for _ in range(1500):
        rig.report("it is old")
        rig.report("")
    assert len(rig.lines) == 2 * round(30.0 / INTERVAL)


def test_texts_of_a_stranger_that_change_are_logged_now_and_then(rig: Rig) -> None:
    for i in range(3000):
        rig.report(f"encoding {'x' * (i % 50)}")
    assert len(rig.lines) == round(30.0 / INTERVAL)


def test_another_problem_is_logged_and_the_end_said_once(rig: Rig) -> None:
    assert rig.report("it is old") == 1
    assert rig.report("it is not finite") == 1, "too soon"
    assert rig.report("it is not finite", after=INTERVAL) == 2
    assert rig.report("it is old", after=INTERVAL, key="age") == 3
    assert rig.report("it is very old", after=INTERVAL, key="age") == 3
    assert rig.report("") == 4
    assert rig.lines[-1] == "poses again"
    assert rig.report("") == 4
