"""The shadow switch of the cockpit: a click is asked about, and no status undoes it before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from wm_planner_msgs.msg import PlanStatus

nicegui = pytest.importorskip("nicegui")

from nicegui.page import page  # noqa: E402

from wm_planner.cockpit.operation import Operation  # noqa: E402


@pytest.fixture
def operation() -> Iterator[Operation]:
    """The card of a planner in shadow mode, as a page that nobody has opened."""
    known = SimpleNamespace(
        status=PlanStatus(state=PlanStatus.IDLE, shadow=True),
        stopped=False,
        lost=False,
        setting=lambda name, default: default,
    )
    node: Any = SimpleNamespace(known=known, button=False)
    with nicegui.Client(page("/operation")):
        card = Operation(node, lambda answer: None)
        card.refresh()
        yield card


def test_a_status_between_a_click_and_its_question_undoes_nothing(operation: Operation) -> None:
    operation._shadow.set_value(False)  # the click
    operation.refresh()
    assert operation._shadow.value is False


def test_a_click_that_is_not_confirmed_is_undone(
    operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    async def no(wanted: bool) -> bool:
        asked.append(wanted)
        return False

    monkeypatch.setattr(operation, "_is_sure", no)
    operation._shadow.set_value(False)
    asyncio.run(operation._on_shadow(SimpleNamespace(args=False)))  # type: ignore[arg-type]
    operation.refresh()
    assert asked == [False]
    assert operation._shadow.value is True
