"""Stopping, releasing, planning once and changing parameters while the planner runs."""

from __future__ import annotations

import time
from typing import Any

import psutil
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from std_srvs.srv import Trigger
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import PlanStatus
from wm_planner_msgs.srv import Plan

from wm_planner.control import Code
from wm_planner_sim import seeds
from wm_planner_sim.partners import Partner

pytestmark = pytest.mark.dds
SEEDS = seeds.EVALUATION[5000:]
LONG = 60.0  # [s] a timeout that no test waits for


def test_a_stop_holds_and_refuses_goals_until_the_release(client: Any) -> None:
    handle = client.begin(SEEDS[0])
    assert client.ask(Trigger, "stop", Trigger.Request()).success
    assert client.result(handle, 5.0).result.error_code == Code.STOPPED
    client.spin_for(0.3)
    assert client.held()
    goal, position = client.sample_goal(SEEDS[0])
    for _ in range(2):
        assert not client.send(ReachGoal.Goal(image=goal), LONG).accepted
        assert client.rejection.error_code == Code.STOPPED
        assert "~/release" in client.rejection.message
        assert client.status.state == PlanStatus.HOLDING
        # A restart of the loop is no release.
        client.transition(Transition.TRANSITION_DEACTIVATE)
        client.transition(Transition.TRANSITION_ACTIVATE)
    assert client.ask(Trigger, "release", Trigger.Request()).success
    client.spin_for(0.2)
    assert client.status.state == PlanStatus.IDLE
    assert client.reach(SEEDS[0], goal, position, LONG).error_code == Code.NONE


def test_a_stop_without_a_goal_refuses_the_next_and_sends_nothing(client: Any) -> None:
    assert client.ask(Trigger, "stop", Trigger.Request()).success
    goal, _ = client.sample_goal(SEEDS[1])
    assert not client.send(ReachGoal.Goal(image=goal), LONG).accepted
    assert client.rejection.error_code == Code.STOPPED
    assert client.commands == []
    assert client.ask(Trigger, "release", Trigger.Request()).success


def test_one_plan_is_refused_while_a_goal_is_pursued(client: Any) -> None:
    handle = client.begin(SEEDS[2])
    goal, _ = client.sample_goal(SEEDS[2])
    request = Plan.Request(image=client.picture, goal_image=goal, preset="full", seed=-1)
    answer = client.ask(Plan, "plan_once", request)
    assert (answer.success, answer.error_code) == (False, Code.PREEMPTED)
    assert "a goal is under way" in answer.message
    client.cancel(handle)
    assert client.result(handle, 5.0).result.error_code == Code.CANCELED


def test_one_plan_that_a_goal_interrupts_is_answered(client: Any) -> None:
    client.reset(SEEDS[3])
    goal, position = client.sample_goal(SEEDS[3])
    request = Plan.Request(image=client.picture, goal_image=goal, seed=-1)
    with client.caller(Plan, "plan_once", request) as caller:
        request.preset = "full"
        answers = [caller.call_async(request) for _ in range(4)]
        assert client.reach(SEEDS[3], goal, position, LONG).error_code == Code.NONE
        for answer in answers:
            client.executor.spin_until_future_complete(answer, 20.0)
            assert answer.result().success or answer.result().error_code == Code.PREEMPTED


def test_no_more_than_eight_plans_of_their_own_are_taken_at_once(
    client: Any, planner: Partner
) -> None:
    goal, _ = client.sample_goal(SEEDS[6])
    request = Plan.Request(image=client.picture, goal_image=goal, seed=-1)
    (worker,) = psutil.Process(planner.process.pid).children()
    with client.caller(Plan, "plan_once", request) as caller:
        worker.suspend()  # no plan is answered meanwhile
        try:
            answers = [caller.call_async(request) for _ in range(9)]
            until = time.monotonic() + 20
            while not any(answer.done() for answer in answers) and time.monotonic() < until:
                client.spin_for(0.05)
            client.spin_for(0.5)  # and no second one
            refused = [answer for answer in answers if answer.done()]
        finally:
            worker.resume()
        assert len(refused) == 1  # not always the one sent last
        assert refused[0].result().error_code == Code.PREEMPTED
        assert "8 plans are under way" in refused[0].result().message
        for answer in answers:
            client.executor.spin_until_future_complete(answer, 20.0)
            assert answer in refused or answer.result().success, answer.result().message


@pytest.mark.parametrize("directory", ["~nosuchuser/goals", "${x"])
def test_a_directory_of_goals_that_cannot_be_is_refused(client: Any, directory: str) -> None:
    refused = client.set_all(goals__directory=directory)
    assert not refused.successful
    assert client.set_all(goals__directory="").successful


def test_settings_of_goals_and_limits_change_between_goals_whole_or_not_at_all(
    client: Any,
) -> None:
    client.reset(SEEDS[4])
    assert client.set_all(session__timeout=0.5, limits__max_speed=0.2).successful
    goal, _ = client.sample_goal(SEEDS[4])
    handle = client.send(ReachGoal.Goal(image=goal), 0.0)
    refused = client.set_all(session__timeout=30.0, limits__max_speed=0.5)
    assert not refused.successful
    assert "a goal is under way" in refused.reason
    answer = client.result(handle, 30.0)
    assert answer.result.error_code == Code.TIMED_OUT
    assert "0.5 s were allowed" in answer.result.error_msg
    refused = client.set_all(session__timeout=30.0, planning__seed=3)
    assert not refused.successful
    assert "planning.seed: read when the node is configured" in refused.reason
    refused = client.set_all(session__timeout=30.0, limits__workspace_min=[9.0, 9.0, 9.0])
    assert not refused.successful
    assert "limits.workspace_min" in refused.reason
    assert client.set_all(session__timeout=30.0, limits__max_speed=0.5).successful


def test_diagnostics_tell_rates_ages_latencies_drops_and_clamps(client: Any) -> None:
    seen: dict[str, DiagnosticStatus] = {}

    def on_diagnostics(message: DiagnosticArray) -> None:
        seen.update({status.name: status for status in message.status})

    subscription = client.create_subscription(DiagnosticArray, "/diagnostics", on_diagnostics, 10)
    handle = client.begin(SEEDS[5])
    client.spin_for(1.5)
    client.cancel(handle)
    client.destroy_subscription(subscription)
    figures = {
        name.removeprefix("wm_planner: "): {pair.key: pair.value for pair in status.values}
        for name, status in seen.items()
        if name.startswith("wm_planner: ")
    }
    assert figures.keys() >= {"camera", "pose", "planner", "worker", "commands"}
    assert all(seen[f"wm_planner: {part}"].message == "ok" for part in figures)
    assert 1.0 < float(figures["camera"]["good pictures [Hz]"]) < 20.0
    assert float(figures["pose"]["poses: age [s]"]) < 1.0
    p50, p95 = (float(figures["planner"][f"plan time: {p} [s]"]) for p in ("p50", "p95"))
    assert 0.0 < p50 <= p95 < 5.0
    p50, p95 = (
        float(figures["commands"][f"image stamp to command: {p} [s]"]) for p in ("p50", "p95")
    )
    assert 0.0 < p50 <= p95 < 5.0
    assert int(figures["camera"]["dropped"]) >= 0
    assert int(figures["commands"]["clamped"]) >= 0
    assert int(figures["worker"]["memory [MiB]"]) > 50
