"""Services of an active planner: stop, release, plan once, change parameters; diagnostics."""

from __future__ import annotations

from typing import Any

import numpy as np
import psutil
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from std_srvs.srv import Trigger
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus
from wm_planner_msgs.srv import Plan

from wm_planner.control import ErrorCode
from wm_planner.text import MAX_SENTENCE
from wm_planner_sim.client.processes import ManagedProcess
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.controller import LAG

pytestmark = pytest.mark.dds
SEEDS = seeds.EVALUATION[5000:]
LONG = 600.0  # [s] a timeout that no test waits for


def test_a_stop_holds_the_arm_and_rejects_goals_until_the_release(client: Any) -> None:
    handle = client.begin(SEEDS[0])
    assert client.ask(Trigger, "stop", Trigger.Request()).success
    assert client.result(handle).result.error_code == ErrorCode.STOPPED
    client.wait_held()
    goal, position = client.sample_goal(SEEDS[0])
    for _ in range(2):
        assert not client.send(ReachGoal.Goal(goal=Goal(images=[goal])), LONG).accepted
        assert client.rejection.error_code == ErrorCode.STOPPED
        assert "~/release" in client.rejection.message
        assert client.status.state == PlanStatus.HOLDING
        # Another configuration does not release.
        client.transition(Transition.TRANSITION_DEACTIVATE)
        client.transition(Transition.TRANSITION_CLEANUP)
        client.transition(Transition.TRANSITION_CONFIGURE)
        client.transition(Transition.TRANSITION_ACTIVATE)
    assert client.ask(Trigger, "release", Trigger.Request()).success
    client.spin_until(lambda: client.status.state == PlanStatus.IDLE)
    assert client.reach(SEEDS[0], goal, position, LONG).error_code == ErrorCode.NONE


def test_a_stop_without_a_goal_rejects_the_next_one_and_sends_nothing(client: Any) -> None:
    assert client.ask(Trigger, "stop", Trigger.Request()).success
    goal, _ = client.sample_goal(SEEDS[1])
    assert not client.send(ReachGoal.Goal(goal=Goal(images=[goal])), LONG).accepted
    assert client.rejection.error_code == ErrorCode.STOPPED
    assert client.commands == []
    assert client.ask(Trigger, "release", Trigger.Request()).success


def test_plan_once_is_refused_while_a_goal_is_pursued(client: Any) -> None:
    handle = client.begin(SEEDS[2])
    goal, _ = client.sample_goal(SEEDS[2])
    request = Plan.Request(
        start=Goal(images=[client.image]), goal=Goal(images=[goal]), preset="full", seed=-1
    )
    answer = client.ask(Plan, "plan_once", request)
    assert (answer.success, answer.error_code) == (False, ErrorCode.PREEMPTED)
    assert "a goal is under way" in answer.message
    client.cancel(handle)
    assert client.result(handle).result.error_code == ErrorCode.CANCELED


def test_an_unknown_preset_is_refused_before_the_worker_gets_it(client: Any) -> None:
    request = Plan.Request(start=Goal(current=True), goal=Goal(current=True), preset="x" * 10**6)
    answer = client.ask(Plan, "plan_once", request)
    assert (answer.success, answer.error_code) == (False, ErrorCode.INVALID_GOAL)
    assert "choose online, full, dino_wm" in answer.message


def test_plan_once_requests_that_a_goal_interrupts_are_answered(client: Any) -> None:
    client.reset(SEEDS[3])
    goal, position = client.sample_goal(SEEDS[3])
    request = Plan.Request(start=Goal(images=[client.image]), goal=Goal(images=[goal]), seed=-1)
    client.ask(Plan, "plan_once", request)  # from then on, DDS has matched both ends
    caller = client.caller(Plan, "plan_once")
    request.preset = "full"
    answers = [caller.call_async(request) for _ in range(4)]
    assert client.reach(SEEDS[3], goal, position, LONG).error_code == ErrorCode.NONE
    for answer in answers:
        client.spin_until(answer.done)
        assert answer.result().success or answer.result().error_code == ErrorCode.PREEMPTED


def test_at_most_eight_plan_once_requests_are_accepted_at_once(
    client: Any, planner: ManagedProcess
) -> None:
    goal, _ = client.sample_goal(SEEDS[6])
    request = Plan.Request(start=Goal(images=[client.image]), goal=Goal(images=[goal]), seed=-1)
    (worker,) = psutil.Process(planner.process.pid).children()
    client.ask(Plan, "plan_once", request)  # from then on, DDS has matched both ends
    caller = client.caller(Plan, "plan_once")
    worker.suspend()  # so that no plan is answered
    try:
        refused: list[Any] = []
        answers: list[Any] = []
        # Requests whose images are still being read have another limit.
        while not any("8 plans are under way" in answer.message for answer in refused):
            answers.append(caller.call_async(request))
            client.spin_until(lambda: len(_pending(answers)) <= 8)
            refused = [answer.result() for answer in answers if answer.done()]
        pending = _pending(answers)
    finally:
        worker.resume()
    assert len(pending) == 8
    assert {answer.error_code for answer in refused} == {ErrorCode.PREEMPTED}
    for answer in pending:
        client.spin_until(answer.done)
        assert answer.result().success, answer.result().message


def _pending(answers: list[Any]) -> list[Any]:
    return [answer for answer in answers if not answer.done()]


@pytest.mark.parametrize(
    "directory", ["/home/robot", "${x", "x" * 10**7], ids=["path", "reference", "long"]
)
def test_the_goals_directory_does_not_change_while_the_node_runs(
    client: Any, directory: str
) -> None:
    refused = client.set_all(goals__directory=directory)
    assert not refused.successful
    assert len(refused.reason) <= MAX_SENTENCE


def test_the_speed_override_holds_and_releases_the_arm_during_a_goal(client: Any) -> None:
    goal, _ = client.sample_goal(SEEDS[4])
    client.reset(SEEDS[4])
    with client.settings(commands__speed_override=0.0):
        handle = client.send(ReachGoal.Goal(goal=Goal(images=[goal])), LONG)
        start = np.array(client.position)
        client.spin_until(lambda: client.status.image_age > 0)  # a plan is followed
        count = len(client.commands)
        client.spin_until(lambda: len(client.commands) > count + 20)
        assert client.status.speed_override == 0.0
        np.testing.assert_allclose(client.position, start, atol=2e-3)
        assert client.set_all(commands__speed_override=100.0).successful
        assert client.result(handle).result.error_code == ErrorCode.NONE


def test_parameters_change_between_goals_all_or_none(
    client: Any,
) -> None:
    client.reset(SEEDS[4])
    with client.settings(session__timeout=0.5, limits__max_speed=0.2):
        goal, _ = client.sample_goal(SEEDS[4])
        handle = client.send(ReachGoal.Goal(goal=Goal(images=[goal], tolerance=1e-9)), LONG)
        refused = client.set_all(session__timeout=30.0, limits__max_speed=0.5)
        assert not refused.successful
        assert "a goal is under way" in refused.reason
        client.cancel(handle)
        client.result(handle)
        handle = client.send(ReachGoal.Goal(goal=Goal(images=[goal], tolerance=1e-9)), 0.0)
        answer = client.result(handle)
        assert answer.result.error_code == ErrorCode.TIMED_OUT
        assert "0.5 s were allowed" in answer.result.error_msg
        refused = client.set_all(session__timeout=30.0, model__device="cpu")
        assert not refused.successful
        assert "model.device cannot change while the node is configured" in refused.reason
        refused = client.set_all(session__timeout=30.0, limits__workspace_min=[9.0, 9.0, 9.0])
        assert not refused.successful
        assert "limits.workspace_min" in refused.reason


def test_the_measured_lag_of_the_arm_is_in_the_diagnostics(client: Any) -> None:
    found: list[str] = []

    def on_diagnostics(message: DiagnosticArray) -> None:
        values = [pair for status in message.status for pair in status.values]
        found.extend(pair.value for pair in values if pair.key == "measured lag [s]")

    subscription = client.create_subscription(DiagnosticArray, "/diagnostics", on_diagnostics, 10)
    try:
        handle = client.begin(SEEDS[5])
        client.spin_until(lambda: client.status.distance < 0.1)
        client.cancel(handle)
        client.result(handle)
        client.spin_until(lambda: any(text != "unknown" for text in found))
    finally:
        client.destroy_subscription(subscription)
    # On a busy machine the arm follows later; test_follow_lag.py proves the measurement.
    assert LAG - 0.05 <= float(found[-1]) < 1.0


def test_diagnostics_report_rates_ages_latencies_drops_and_clamps(client: Any) -> None:
    seen: dict[str, DiagnosticStatus] = {}

    def on_diagnostics(message: DiagnosticArray) -> None:
        seen.update({status.name: status for status in message.status})

    def figures(part: str) -> dict[str, str]:
        status = seen.get(f"wm_planner: {part}")
        return {pair.key: pair.value for pair in status.values} if status else {}

    def number(part: str, name: str) -> float:
        return float(figures(part).get(name, "nan"))

    names = [f"wm_planner: {p}" for p in ("camera", "pose", "planner", "worker", "commands")]
    subscription = client.create_subscription(DiagnosticArray, "/diagnostics", on_diagnostics, 10)
    handle = client.begin(SEEDS[5])
    latency = "image stamp to command"
    try:
        client.spin_until(lambda: all(n in seen and seen[n].message == "ok" for n in names))
        client.spin_until(lambda: number("commands", f"{latency}: p50 [s]") > 0)
        client.spin_until(lambda: number("planner", "plan time: p50 [s]") > 0)
        client.spin_until(lambda: number("camera", "good images [Hz]") > 0)
    finally:
        client.cancel(handle)
        client.destroy_subscription(subscription)
    assert number("camera", "good images [Hz]") < 20.0, "the camera gives 5"
    assert number("pose", "poses: age [s]") >= 0.0
    assert number("planner", "plan time: p50 [s]") <= number("planner", "plan time: p95 [s]")
    p50, p95 = (number("commands", f"{latency}: {p} [s]") for p in ("p50", "p95"))
    assert p50 <= p95
    assert number("camera", "dropped") >= 0
    assert number("commands", "clamped") >= 0
    assert number("worker", "memory [MiB]") > 50
