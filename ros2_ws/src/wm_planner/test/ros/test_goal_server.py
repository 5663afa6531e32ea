"""The goal server outlives configurations, keeps no images, and survives every request."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient, CancelResponse
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal

from wm_planner.camera_contract import CameraContract
from wm_planner.config import Config
from wm_planner.control import ControlLoop, ErrorCode, GoalSession, Refused, Status
from wm_planner.goal_library import GoalLibrary
from wm_planner.images import ImagePolicy
from wm_planner.models import ModelSpec
from wm_planner.ros.background import MAX_WAITING, BackgroundThread
from wm_planner.ros.command_output import CommandOutput
from wm_planner.ros.goal_host import GoalHost
from wm_planner.ros.goal_reader import GoalReader
from wm_planner.ros.goal_server import GoalServer, _Server
from wm_planner.ros.inputs import Inputs
from wm_planner.ros.rates import RateMonitor
from wm_planner.types import Command, Observation, Pose
from wm_planner.worker import Planned, PlannerLink, Ready

pytestmark = pytest.mark.dds
IMAGE = Image(height=96, width=96, step=288, encoding="rgb8")
IMAGE.data = np.random.default_rng(0).integers(0, 256, 96 * 288, dtype=np.uint8).tobytes()


class Bench(Node):
    """A server with a loop whose worker never plans, and a client."""

    def __init__(self, context: Context, spec: ModelSpec, until: Callable[..., None]) -> None:
        super().__init__("wm_planner", context=context)
        self.runner = SingleThreadedExecutor(context=context)
        self.runner.add_node(self)
        self._spec, self._until = spec, until
        self.rejected: list[Status] = []
        self.server = GoalServer(self, BackgroundThread(self), self.rejected.append)
        self.client = ActionClient(self, ReachGoal, "wm_planner/reach_goal")

    def open(self) -> None:
        config = Config()
        config.limits.workspace_min, config.limits.workspace_max = [0.0] * 3, [1.0] * 3
        link = PlannerLink(config, lambda: None)
        link.ready = Ready("a worker that never plans")
        contract = CameraContract(self._spec.views, self._spec.image, config.camera, joints=False)
        self.loop = ControlLoop(config, self._spec, link, contract, self)
        command = self.loop.commander.actions.command
        permission, rates = self.loop.permission, RateMonitor()
        self.inputs = Inputs(self, config, self._spec, command, permission, rates, self)
        self.commands = CommandOutput(self, config.commands, command.joints, "base", 0.5)
        self._reader = GoalReader(self._spec, ImagePolicy(), GoalLibrary(""), self.inputs.latest)
        self.reopen()

    def reopen(self) -> None:
        self.host = GoalHost(
            self.loop, self._reader, self.inputs, self.commands, lambda: 1.0, lambda: None
        )
        self.host.active = True
        self.server.open(self.host)

    def close(self) -> None:
        self.server.close()
        self.commands.close()
        self.inputs.close()

    def on_pose(self, pose: Pose) -> None: ...

    def on_observation(self, observation: Observation) -> None: ...

    def on_contact(self, why: str) -> None: ...

    def on_command(self, command: Command) -> None: ...

    def on_step(self, session: GoalSession, plan: Planned) -> None: ...

    def on_hold(self, status: Status) -> None: ...

    def on_end(self, goal_id: int, session: GoalSession, now: float) -> None:
        self.server.end(goal_id, session, now)

    def until(self, condition: Callable[[], bool]) -> None:
        self._until(condition, lambda: self.runner.spin_once(timeout_sec=0.05))

    def wait(self, future: Any) -> Any:
        self.until(future.done)
        return future.result()

    def send(self, goal: Any) -> Any:
        self.until(self.client.server_is_ready)
        return self.wait(self.client.send_goal_async(goal))


@pytest.fixture
def bench(context: Context, spec: ModelSpec, until: Callable[..., None]) -> Iterator[Bench]:
    with contextlib.ExitStack() as parts:
        bench = Bench(context, spec, until)
        for end in (bench.destroy_node, bench.runner.shutdown):
            parts.callback(end)
        for part in (bench.client, bench.server):
            parts.callback(part.destroy)
        yield bench


def _goal() -> Any:
    return ReachGoal.Goal(goal=Goal(images=[IMAGE]))


def test_a_result_is_delivered_after_its_configuration_was_closed(bench: Bench) -> None:
    bench.open()
    handle = bench.send(_goal())
    assert handle.accepted
    bench.loop.end(Status(ErrorCode.NOT_ACTIVE, "deactivated"), 1.0)
    bench.close()
    bench.open()  # its goals are numbered from one again
    other = bench.send(_goal())
    answer = bench.wait(handle.get_result_async())
    assert (answer.status, answer.result.error_code) == (
        GoalStatus.STATUS_ABORTED,
        ErrorCode.NOT_ACTIVE,
    )
    bench.wait(other.cancel_goal_async())
    answer = bench.wait(other.get_result_async())
    assert answer.result.error_code == ErrorCode.CANCELED
    bench.close()
    assert not bench.send(_goal()).accepted
    assert bench.rejected[-1].code is ErrorCode.NOT_ACTIVE


def test_a_bug_rejects_the_goal_that_triggers_it_and_the_server_goes_on(bench: Bench) -> None:
    def fail() -> int:
        raise KeyError("a bug")

    bench.open()
    bench.host.check = fail  # type: ignore[method-assign]
    assert not bench.send(_goal()).accepted
    assert bench.rejected[-1].code is ErrorCode.UNKNOWN
    assert "KeyError('a bug')" in bench.rejected[-1].message
    bench.close()


def test_a_goal_that_can_no_longer_begin_once_it_was_accepted_ends_with_the_reason(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.open()
    first = bench.send(_goal())
    check, calls = bench.loop.check_start, itertools.count(1)

    def third_call_fails(steady: float) -> None:
        if next(calls) == 3:  # the first two are before and after the goal is read
            raise Refused(ErrorCode.CONTACT, "the wrench is too old")
        check(steady)

    monkeypatch.setattr(bench.loop, "check_start", third_call_fails)
    handle = bench.send(_goal())
    assert handle.accepted
    answer = bench.wait(handle.get_result_async())
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.error_code == ErrorCode.CONTACT
    assert answer.result.error_msg == bench.rejected[-1].message == "the wrench is too old"
    bench.wait(first.cancel_goal_async())
    answer = bench.wait(first.get_result_async())
    assert answer.result.error_code == ErrorCode.CANCELED, "the goal under way went on"
    bench.close()


def test_while_a_goal_is_read_the_callbacks_go_on_and_the_newest_goal_wins(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, time_limit: float
) -> None:
    read, reading, go_on = GoalReader.goal, threading.Event(), threading.Event()

    def slow(self: GoalReader, *arguments: Any) -> Any:
        reading.set()
        assert go_on.wait(time_limit)
        return read(self, *arguments)

    bench.open()
    first = bench.send(_goal())
    monkeypatch.setattr(GoalReader, "goal", slow)
    sent = [bench.client.send_goal_async(_goal()) for _ in range(2)]
    bench.until(reading.is_set)
    bench.wait(first.cancel_goal_async())
    assert bench.wait(first.get_result_async()).result.error_code == ErrorCode.CANCELED
    assert not any(future.done() for future in sent)
    go_on.set()
    accepted = [bench.wait(future).accepted for future in sent]
    assert accepted[1]
    assert bytes(bench.server._under_way.goal_id.uuid) == bytes(sent[1].result().goal_id.uuid)
    if accepted[0]:  # and then preempted
        answer = bench.wait(sent[0].result().get_result_async())
        assert answer.result.error_code == ErrorCode.PREEMPTED
    else:
        assert bench.rejected[-1].code is ErrorCode.PREEMPTED
    bench.close()


def test_a_cancel_request_does_not_wait_for_a_goal_taken_with_it(bench: Bench) -> None:
    order: list[str] = []

    class Half(_Server):
        async def _execute_goal_request(self, taken: Any) -> None:
            order.append("goal")

        async def _execute_cancel_request(self, taken: Any) -> None:
            order.append("cancel")

    server = Half(bench, ReachGoal, "~/other", lambda handle: None)
    with contextlib.ExitStack() as parts:
        parts.callback(server.destroy)
        bench.wait(bench.runner.create_task(server.execute({"goal": 1, "cancel": 2})))
        bench.until(lambda: len(order) == 2)
    assert order == ["cancel", "goal"]


@pytest.mark.parametrize("event", ["stop", "configuration"])
def test_a_goal_read_during_a_stop_or_a_configuration_is_rejected(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    bench.open()
    read = GoalReader.goal

    def slow(self: GoalReader, *arguments: Any) -> Any:
        if event == "stop":
            bench.loop.stop(1.0, "the test")
            bench.loop.release()
        else:
            bench.server.close()
            bench.reopen()
        return read(self, *arguments)

    monkeypatch.setattr(GoalReader, "goal", slow)
    assert not bench.send(_goal()).accepted
    assert bench.rejected[-1].code is ErrorCode.PREEMPTED
    assert bench.loop.session is None
    bench.close()


def test_requests_beyond_the_waiting_limit_are_rejected(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, time_limit: float
) -> None:
    go_on = threading.Event()

    def slow(self: GoalReader, *arguments: Any) -> Any:
        assert go_on.wait(time_limit)
        raise Refused(ErrorCode.INVALID_GOAL, "read")

    bench.open()
    monkeypatch.setattr(GoalReader, "goal", slow)
    bench.until(bench.client.server_is_ready)
    sent = [bench.client.send_goal_async(_goal()) for _ in range(MAX_WAITING + 1)]
    bench.until(lambda: bool(bench.rejected))
    assert bench.rejected[0].code is ErrorCode.PREEMPTED
    assert "requests are waiting for their images" in bench.rejected[0].message
    go_on.set()
    assert not any(bench.wait(future).accepted for future in sent)
    assert len(bench.rejected) == MAX_WAITING + 1
    bench.close()


def test_a_goal_read_while_the_planner_closes_is_rejected(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.open()
    read = GoalReader.goal

    def close(self: GoalReader, *arguments: Any) -> Any:
        bench.server.close()
        return read(self, *arguments)

    monkeypatch.setattr(GoalReader, "goal", close)
    assert not bench.send(_goal()).accepted
    assert bench.rejected[-1].code is ErrorCode.NOT_ACTIVE
    assert bench.loop.session is None
    bench.close()


def test_a_goal_that_is_not_under_way_cannot_be_canceled(bench: Bench) -> None:
    bench.open()
    assert bench.send(_goal()).accepted
    assert bench.server._on_cancel(SimpleNamespace()) == CancelResponse.REJECT
    assert bench.loop.session is not None
    bench.close()


def test_the_images_of_a_goal_are_not_kept_with_its_handle(bench: Bench) -> None:
    bench.open()
    assert bench.send(_goal()).accepted
    assert bench.loop.session is not None
    (handle,) = bench.server._server._goal_handles.values()
    assert len(handle.request.goal.images) == 0
    bench.close()


@pytest.mark.parametrize("seconds", [-1, 3601, 2**31 - 1])
def test_a_timeout_out_of_range_is_refused(bench: Bench, seconds: int) -> None:
    bench.open()
    goal = _goal()
    goal.timeout.sec = seconds
    assert not bench.send(goal).accepted
    assert "it must lie between 0 and 3600 s" in bench.rejected[0].message
    bench.close()
