"""No fault and no stranger fills the log; what is left out is counted."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from wm_planner.ros import log
from wm_planner.ros.log import BURST, INTERVAL, MAX_KINDS, Limit


@pytest.fixture
def clock(clock_of: Callable[..., Any]) -> Any:
    return clock_of(log)


def _count(limit: Limit, sentence: str, times: int) -> int:
    return sum(bool(limit.admit(sentence)) for _ in range(times))


def test_a_sentence_that_repeats_is_logged_now_and_then(clock: Any) -> None:
    limit, lines = Limit(), list[str]()
    for i in range(1000):
        clock.now += 0.1
        lines.append(limit.admit(f"goal {i} of 'client {i}' is refused"))
    assert sum(map(bool, lines)) <= BURST + 100 / INTERVAL
    assert "(9 more like it were not logged)" in next(filter(None, reversed(lines)))


def test_another_kind_is_logged_during_a_flood(clock: Any) -> None:
    limit = Limit()
    assert _count(limit, "a flood", 1000) == BURST
    assert limit.admit("the arm was stopped") == "the arm was stopped"


def test_after_a_while_all_are_logged_again(clock: Any) -> None:
    limit = Limit()
    assert _count(limit, "a fault", 50) == BURST
    clock.now += 60.0
    assert limit.admit("a fault") == "a fault (40 more like it were not logged)"
    assert _count(limit, "a fault", 50) == BURST - 1


def test_a_stranger_s_texts_are_of_bounded_number(clock: Any) -> None:
    limit = Limit()
    kinds = [chr(97 + i % 26) * (1 + i // 26) for i in range(3 * MAX_KINDS)]
    assert sum(bool(limit.admit(kind)) for kind in kinds) == MAX_KINDS + BURST
    assert len(limit._kinds) <= MAX_KINDS + 1


def test_every_severity_is_limited(clock: Any) -> None:
    lines: list[str] = []
    logger = SimpleNamespace(warning=lines.append, error=lines.append)
    node: Any = type("FakeNode", (), {"get_logger": lambda self: logger})()
    for write in (log.warning, log.error):
        for _ in range(100):
            write(node, write.__name__)
    for _ in range(100):
        log.traceback(node, "Traceback\nValueError: 1")
    assert len(lines) == 3 * BURST
