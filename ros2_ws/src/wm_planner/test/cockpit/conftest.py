"""Nodes in a context of their own, which are destroyed even if a test fails."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest
from cockpit_bench import Bench, patience, reached
from planner_double import PlannerDouble
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future


@pytest.fixture
def spin_until(
    context: Context, make_node: Callable[..., Node], until: Callable[..., None]
) -> Iterator[Callable[..., None]]:
    """Run nodes until a condition holds; fail if it never does."""
    with SingleThreadedExecutor(context=context) as executor:

        def spin(condition: Callable[[], bool], *nodes: Node) -> None:
            for node in nodes:
                executor.add_node(node)
            until(condition, lambda: executor.spin_once(timeout_sec=0.05))

        yield spin


@pytest.fixture
def spinning(context: Context) -> Callable[..., contextlib.AbstractContextManager[None]]:
    """Run a node in a thread of its own; the node outlives it."""

    @contextlib.contextmanager
    def spin(node: Node) -> Iterator[None]:
        executor, ending = SingleThreadedExecutor(context=context), Future()
        executor.add_node(node)
        run = executor.spin_until_future_complete
        thread = threading.Thread(target=run, args=(ending,), name=node.get_name())
        thread.start()
        try:
            yield
        finally:
            ending.set_result(None)
            thread.join()
            executor.shutdown()

    return spin


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Return a loop that is there as long as the nodes, as that of the page."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def closed(
    runner: asyncio.Runner, context: Context, make_node: Callable[..., Node], time_limit: float,
    spinning: Callable[..., contextlib.AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:  # fmt: skip
    """Return a cockpit whose planner has no services until ``open``."""
    patience(monkeypatch, time_limit)
    with contextlib.ExitStack() as parts:
        planner = PlannerDouble(context)
        parts.callback(planner.destroy_node)
        bench = Bench(make_node("cockpit"), planner, runner, time_limit)
        for end in (planner.close, bench.calls._reach.destroy):
            parts.callback(end)
        for node in (bench.node, planner):
            parts.enter_context(spinning(node))
        yield bench


@pytest.fixture
def bench(closed: Bench) -> Bench:
    """Return a cockpit whose planner answers."""
    closed.planner.open()
    closed.run(reached(closed.calls._reach.server_is_ready))
    closed.run(reached(lambda: all(c.service_is_ready() for c in closed.node.clients)))
    return closed
