"""``~/stop`` and ``~/release`` say who called, and a stop needs nobody's name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from loop_rig import LoopRig
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Trigger

from wm_planner.models import ModelSpec
from wm_planner.ros.callers import UNKNOWN, callers
from wm_planner.ros.stop_services import StopServices


class Bench:
    """The services, and nodes that call them."""

    def __init__(self, spec: ModelSpec, make_node: Any, executor: Any, spin_until: Any) -> None:
        self.make_node, self.executor, self.spin_until = make_node, executor, spin_until
        self.loop = LoopRig(spec).loop
        self.node = self.add("planner")
        self.services = StopServices(self.node, self.loop, lambda: None)

    def add(self, name: str, **settings: Any) -> Node:
        node: Node = self.make_node(name, **settings)
        self.executor.add_node(node)
        return node

    def call(self, node: Node, service: str) -> str:
        client = node.create_client(Trigger, f"/planner/{service}")
        self.spin_until(client.service_is_ready)
        self.spin_until(lambda: node.get_name() in callers(self.node, f"/planner/{service}"))
        answer = client.call_async(Trigger.Request())
        self.spin_until(answer.done)
        assert answer.result().success
        return str(answer.result().message)


@pytest.fixture
def bench(
    spec: ModelSpec,
    make_node: Callable[..., Node],
    executor: SingleThreadedExecutor,
    spin_until: Any,
) -> Iterator[Bench]:
    bench = Bench(spec, make_node, executor, spin_until)
    with contextlib.closing(bench.services):
        yield bench


def test_a_stop_and_its_release_name_the_node_that_stopped(bench: Bench) -> None:
    button = bench.add("button", namespace="/cell")
    assert "~/stop was called by /cell/button at" in bench.call(button, "stop")
    assert bench.loop.stopped
    answer = bench.call(bench.add("operator"), "release")
    assert answer.startswith("goals are accepted again; ~/stop was called by /cell/button at")
    assert bench.loop.stopped is None
    assert bench.call(button, "release") == "the planner was not stopped"


def test_all_nodes_that_may_have_called_are_named_up_to_three(bench: Bench) -> None:
    nodes = [bench.add(f"caller_{i}") for i in range(5)]
    for node in nodes:
        node.create_client(Trigger, "/planner/stop")
    bench.spin_until(lambda: "2 more" in callers(bench.node, "/planner/stop"))
    assert "/caller_0 or /caller_1 or /caller_2 or 2 more" in bench.call(nodes[0], "stop")


class Nameless:
    """A node whose graph cannot be read, or holds a hostile name."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    def get_publishers_info_by_topic(self, topic: str, *, no_mangle: bool) -> list[Any]:
        if self.name is None:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
        info: Any = type("Info", (), {"node_namespace": "/", "node_name": self.name})()
        return [info]


@pytest.mark.parametrize("name", ["x\n[FATAL] forged", "y" * 10**6, "ü"])
def test_a_caller_s_name_is_quoted_and_shortened(name: str) -> None:
    node: Any = Nameless(name)
    shown = callers(node, "/planner/stop")
    assert "\n" not in shown
    assert len(shown) < 200
    assert shown.startswith("'")


@pytest.mark.parametrize("name", [None, "_NODE_NAME_UNKNOWN_"])
def test_a_caller_that_is_not_known_is_said_to_be_unknown(name: str | None) -> None:
    node: Any = Nameless(name)
    assert callers(node, "/planner/stop") == UNKNOWN
