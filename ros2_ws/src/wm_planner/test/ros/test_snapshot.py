"""Status and diagnostics report a snapshot, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from wm_planner_msgs.msg import PlanStatus

from wm_planner.camera_contract import Finding
from wm_planner.control import ErrorCode, LateCount, Status
from wm_planner.ros.diagnostics import Diagnostics
from wm_planner.ros.rates import RateMonitor
from wm_planner.ros.snapshot import CameraSnapshot, CommandSnapshot, Snapshot, WorkerSnapshot
from wm_planner.ros.status_publisher import StatusPublisher

pytestmark = pytest.mark.dds
DARK = Finding("black", 0.0, 0.03, "stop", found=True, sentence="The image is black.")
SNAPSHOT = Snapshot(
    camera=CameraSnapshot("/image", 9, 2, problem="", findings=(), topics=("/image", "/wrist")),
    pose_problem="",
    worker=WorkerSnapshot("a model", problem="", warnings=("unverified",), memory=3 << 20),
    commands=CommandSnapshot(7, 5, 2, 0, {"speed": 2}, problems=()),
    clock_problem="",
    waiting="",
    holds=0,
    late={"plans": LateCount(late=3, overdue=1, longest=0.4)},
    speed_override=30.0,
    action_frame="base",
    unverified_statistics=True,
)
BROKEN = replace(
    SNAPSHOT,
    camera=replace(SNAPSHOT.camera, problem="no image", findings=(DARK,)),
    worker=replace(SNAPSHOT.worker, description="", problem="the worker is gone"),
    commands=replace(SNAPSHOT.commands, problems=("no subscriber",)),
    waiting="holding: no plan",
    other_publishers=("two cameras",),
)


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    return make_node("planner")


def test_the_status_is_that_of_the_snapshot(
    node: Node, spin_until: Callable[..., None], executor: SingleThreadedExecutor
) -> None:
    heard: list[PlanStatus] = []
    publisher = StatusPublisher(node)
    latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_subscription(PlanStatus, "~/status", heard.append, latched)
    executor.add_node(node)
    publisher.ready(SNAPSHOT, stopped=False)
    spin_until(lambda: len(heard) == 1)
    assert (heard[0].state, heard[0].error_code) == (PlanStatus.IDLE, ErrorCode.NONE)
    assert (heard[0].images_received, heard[0].images_dropped) == (9, 2)
    assert (heard[0].commands_sent, heard[0].commands_clamped) == (7, 2)
    assert heard[0].speed_override == 30.0
    assert heard[0].inputs_ready
    assert heard[0].unverified_statistics
    assert list(heard[0].warnings) == ["unverified"]
    publisher.reject(Status(ErrorCode.INVALID_GOAL, "no such goal"), BROKEN)
    spin_until(lambda: len(heard) == 2)
    assert (heard[1].state, heard[1].error_code) == (PlanStatus.IDLE, ErrorCode.INVALID_GOAL)
    assert not heard[1].inputs_ready
    assert list(heard[1].warnings) == [
        "unverified", "no image", "two cameras", "goal rejected: no such goal",
        "The image is black.", "no subscriber",
    ]  # fmt: skip


def test_the_diagnostics_are_those_of_the_snapshot(
    node: Node,
    spin_until: Callable[..., None],
    executor: SingleThreadedExecutor,
    matched: Callable[..., bool],
) -> None:
    heard: list[DiagnosticArray] = []
    diagnostics = Diagnostics(node, RateMonitor())
    node.create_subscription(DiagnosticArray, "/diagnostics", heard.append, 10)
    executor.add_node(node)
    spin_until(lambda: matched(node))
    for snapshot in (SNAPSHOT, BROKEN):
        diagnostics.publish(snapshot, "ready")
    spin_until(lambda: len(heard) == 2)
    levels = [{s.name: s.level for s in message.status} for message in heard]
    assert levels[0] == {
        "planner: camera": DiagnosticStatus.OK,
        "planner: pose": DiagnosticStatus.OK,
        "planner: inputs": DiagnosticStatus.OK,
        "planner: planner": DiagnosticStatus.OK,
        "planner: worker": DiagnosticStatus.WARN,
        "planner: commands": DiagnosticStatus.OK,
    }
    assert levels[1] == {
        "planner: camera": DiagnosticStatus.ERROR,
        "planner: pose": DiagnosticStatus.OK,
        "planner: inputs": DiagnosticStatus.ERROR,
        "planner: planner": DiagnosticStatus.WARN,
        "planner: worker": DiagnosticStatus.ERROR,
        "planner: commands": DiagnosticStatus.WARN,
    }
    (planning,) = [s for s in heard[0].status if s.name == "planner: planner"]
    values = {value.key: value.value for value in planning.values}
    assert (values["late plans"], values["overdue plans"]) == ("3", "1")
    assert values["plans, longest late [s]"] == "0.400"
    assert values["speed override [%]"] == "30.0"
    (camera,) = [s for s in heard[1].status if s.name == "planner: camera"]
    assert {v.key: v.value for v in camera.values}["topics of all views"] == "/image, /wrist"
    assert camera.message == "no image The image is black."
