"""Nodes, and an executor that runs them; both are destroyed even if a test fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

SpinUntil = Callable[[Callable[[], bool]], None]


@pytest.fixture(scope="session")
def matched() -> Callable[..., bool]:
    """Return whether all publishers and subscriptions of nodes have discovered each other.

    Within a process, Fast DDS may lose even a reliable message that is sent earlier.
    """

    def match(*nodes: Node) -> bool:
        publishers = {p.topic_name: p for node in nodes for p in node.publishers}
        readers = {s.topic_name: s for node in nodes for s in node.subscriptions}
        return all(
            publishers[topic].get_subscription_count() and readers[topic].get_publisher_count()
            for topic in publishers.keys() & readers.keys()
        )

    return match


@pytest.fixture
def executor(context: Context, make_node: Callable[..., Node]) -> Iterator[SingleThreadedExecutor]:
    """Return an executor that ends before the nodes."""
    with SingleThreadedExecutor(context=context) as executor:
        yield executor


@pytest.fixture
def spin_until(executor: SingleThreadedExecutor, until: Callable[..., None]) -> SpinUntil:
    """Run the executor's nodes until a condition holds; fail if it never does."""

    def spin(condition: Callable[[], bool], message: Callable[[], object] = str) -> None:
        until(condition, lambda: executor.spin_once(timeout_sec=0.05), message)

    return spin


@pytest.fixture
def nodes(
    make_node: Callable[..., Node],
    executor: SingleThreadedExecutor,
    spin_until: SpinUntil,
) -> tuple[Node, Node, SpinUntil]:
    """Return the nodes of a planner and an arm, and a function that spins them."""
    space = f"/commands_{os.getpid()}"
    planner, arm = (make_node(name, namespace=space) for name in ("planner", "arm"))
    executor.add_node(planner)
    executor.add_node(arm)
    return planner, arm, spin_until
