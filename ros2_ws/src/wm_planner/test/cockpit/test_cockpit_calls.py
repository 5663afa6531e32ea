"""Requests to the planner: a stop that is sure or says that it is not, and no goal left behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from cockpit_bench import Bench, patience, reached
from rclpy.action import ActionClient
from rclpy.node import Node
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus

from wm_planner.cockpit.calls import OWN_STOP, REJECTED, Answer, NoAnswerError, PlannerCalls
from wm_planner.cockpit.known import Known

pytestmark = pytest.mark.dds


def test_a_stop_is_sent_as_soon_as_the_planner_can_be_reached(closed: Bench) -> None:
    async def scene() -> Answer:
        stop = asyncio.ensure_future(closed.calls.stop())
        await asyncio.sleep(0)
        assert not closed.calls._stop.service_is_ready()
        closed.planner.open()
        return await stop

    answer = closed.run(scene())
    assert answer.done
    assert answer.text.startswith("stopped by request")
    closed.all_done()


@pytest.mark.parametrize("number", [1, 2])
def test_a_stop_is_done_by_whichever_answer_comes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The first request may be answered after the second was sent, or its answer be lost."""
    patience(monkeypatch, 60.0, again=0.05)
    bench.planner.held = {"stop"}
    waiting = bench.planner.waiting["stop"]

    async def scene() -> Answer:
        stop = asyncio.ensure_future(bench.calls.stop())
        await reached(lambda: len(waiting) == 2)
        assert not stop.done()
        waiting[number - 1].set_result(None)
        return await stop

    assert bench.run(scene()) == Answer(True, f"stopped by request {number}")
    waiting[2 - number].set_result(None)
    bench.all_done()
    assert len(waiting) == 2


def test_a_stop_without_an_answer_is_said_not_to_be_confirmed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience(monkeypatch, 0.5, again=0.1)
    bench.planner.held = {"stop"}
    answer = bench.run(bench.calls.stop())
    assert not answer.done
    assert answer.text.startswith("STOP NOT CONFIRMED: /planner did not answer")
    assert OWN_STOP in answer.text
    assert bench.pending == 0
    for request in bench.planner.waiting["stop"]:  # answers that nobody waits for do no harm
        request.set_result(None)
    bench.planner.held = set()
    patience(monkeypatch, 60.0)
    assert bench.run(bench.calls.stop()).done


def test_a_stop_without_a_planner_is_said_not_to_be_confirmed(
    closed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience(monkeypatch, 0.2)
    answer = closed.run(closed.calls.stop())
    assert not answer.done
    assert answer.text.startswith("STOP NOT CONFIRMED: no planner named /planner can be reached")
    assert OWN_STOP in answer.text


def test_no_request_needs_a_planner_to_be_there(
    make_node: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    patience(monkeypatch, 0.05)
    known = Known("/planner")
    known.take_config("limits: {locked: false}")

    async def scene(calls: PlannerCalls) -> None:
        absent = "no planner named /planner can be reached (is it running?)"
        for answer in (
            await calls.release(),
            await calls.cancel(),
            await calls.save("cup", Goal(), overwrite=False),
            await calls.change({"planning.horizon": 3}),
            await calls.send(Goal(name="cup"), [], 0.0),
        ):
            assert answer == Answer(False, absent)
        assert await calls.goals() == ([], absent)
        with pytest.raises(NoAnswerError, match="no planner named /planner"):
            await calls.settings()
        answer = await calls.restart_with({"inputs.pose": "tf"})
        assert answer == Answer(False, f"{absent}. Its state is not known: see its status")
        assert known.busy == ""

    calls = PlannerCalls(make_node("cockpit"), "/planner", known)
    try:
        asyncio.run(scene(calls))
    finally:
        calls._reach.destroy()


def test_a_release_has_the_planner_s_answer_in_one_line(bench: Bench) -> None:
    assert bench.run(bench.calls.release()) == Answer(False, r"not\nstopped")
    bench.all_done()


def test_goals_are_named_in_one_line_each(bench: Bench) -> None:
    assert bench.run(bench.calls.goals()) == (["cup", r"lid\n"], "in /goals")


def test_a_goal_is_stored_or_the_reason_told(bench: Bench) -> None:
    save = bench.calls.save
    stored = bench.run(save("cup", Goal(), overwrite=True))
    assert stored == Answer(True, "the goal is stored as cup")
    refused = bench.run(save("cup", Goal(), overwrite=False))
    assert refused == Answer(False, "there is a goal cup")


def test_a_goal_is_not_stored_twice_because_an_answer_is_late(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second request would be refused, because the goal is there already."""
    patience(monkeypatch, 60.0, again=0.01)
    bench.planner.held = {"save"}
    waiting = bench.planner.waiting["save"]

    async def scene() -> Answer:
        save = asyncio.ensure_future(bench.calls.save("cup", Goal(), overwrite=True))
        await reached(lambda: waiting)
        for _ in range(3):  # each is answered, so a second request would have come by then
            await bench.calls.goals()
        waiting[0].set_result(None)
        return await save

    assert bench.run(scene()).done
    assert len(waiting) == 1


def test_the_goals_of_everybody_are_canceled(
    bench: Bench, make_node: Callable[..., Node], time_limit: float,
    spinning: Callable[..., contextlib.AbstractContextManager[None]],
) -> None:  # fmt: skip
    with contextlib.ExitStack() as parts:
        other = make_node("other")
        client = ActionClient(other, ReachGoal, "/planner/reach_goal")
        parts.callback(client.destroy)
        bench.run(reached(client.server_is_ready))
        sent = client.send_goal_async(ReachGoal.Goal())
        parts.enter_context(spinning(other))
        bench.run(reached(sent.done))
        assert bench.run(bench.calls.send(Goal(), [], 0.0)).done
        assert bench.run(bench.calls.cancel()) == Answer(True, "the goal is canceled")
    assert len(set(bench.planner.canceled)) == 2
    assert bytes(sent.result().goal_id.uuid) in bench.planner.canceled


def test_without_a_goal_there_is_nothing_to_cancel(bench: Bench) -> None:
    assert bench.run(bench.calls.cancel()) == Answer(False, "no goal is pursued")


def test_a_goal_goes_with_its_sub_goals_and_its_time(bench: Bench) -> None:
    sent = bench.calls.send(Goal(name="cup"), [Goal(name="lid"), Goal(name="rim")], 12.5)
    assert bench.run(sent) == Answer(True, "the goal is accepted")
    (request,) = bench.planner.goals
    assert [goal.name for goal in (*request.sub_goals, request.goal)] == ["lid", "rim", "cup"]
    assert (request.timeout.sec, request.timeout.nanosec) == (12, 500_000_000)


REASON = f"{REJECTED} there is no goal\nnamed cup"


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (PlanStatus(message=REASON), f"{REJECTED} there is no goal\\nnamed cup"),
        (
            PlanStatus(message="ready", warnings=["dark image", REASON]),
            f"{REJECTED} there is no goal\\nnamed cup",
        ),
        (PlanStatus(message="ready"), "the goal was rejected: see the planner's status"),
    ],
    ids=["as its status", "a later status came first", "nothing"],
)
def test_a_rejected_goal_has_the_planner_s_reason(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, status: PlanStatus, told: str
) -> None:
    patience(monkeypatch, 60.0, again=0.1)
    bench.planner.held, bench.planner.rejects = {"goal"}, True
    bench.planner.status.publish(PlanStatus(message=f"{REJECTED} an earlier one"))
    bench.run(reached(lambda: bench.known.status))

    async def scene() -> Answer:
        sending = asyncio.ensure_future(bench.calls.send(Goal(name="cup"), [], 0.0))
        await reached(lambda: bench.planner.waiting["goal"])
        bench.planner.status.publish(status)
        await reached(lambda: bench.known.status and bench.known.status.message == status.message)
        bench.planner.waiting["goal"][0].set_result(None)
        return await sending

    assert bench.run(scene()) == Answer(False, told)


def test_a_goal_that_is_accepted_too_late_is_canceled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience(monkeypatch, 1.5)
    bench.planner.held = {"goal"}
    answer = bench.run(bench.calls.send(Goal(name="cup"), [], 0.0))
    assert not answer.done
    assert "did not answer within" in answer.text
    assert "the goal is canceled" in answer.text
    bench.run(reached(lambda: bench.planner.waiting["goal"]))
    assert bench.planner.canceled == []
    bench.planner.waiting["goal"][0].set_result(None)
    bench.run(reached(lambda: bench.planner.canceled))
