"""Nodes, and an executor that runs them; they end whatever a test or a fixture does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

SpinUntil = Callable[[Callable[[], bool]], None]


@pytest.fixture(scope="session")
def matched() -> Callable[..., bool]:
    """Tells whether both ends of every topic that the nodes publish and read know each other.

    Within a process Fast DDS may lose even a reliable message that is sent before.
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
def context() -> Iterator[Context]:
    context = Context()
    context.init()
    try:
        yield context
    finally:
        context.try_shutdown()


@pytest.fixture
def make_node(context: Context) -> Iterator[Callable[..., Node]]:
    with contextlib.ExitStack() as nodes:

        def make(name: str, **settings: Any) -> Node:
            node = Node(name, context=context, **settings)
            nodes.callback(node.destroy_node)
            return node

        yield make


@pytest.fixture
def executor(context: Context, make_node: Callable[..., Node]) -> Iterator[SingleThreadedExecutor]:
    """Ends before the nodes."""
    with SingleThreadedExecutor(context=context) as executor:
        yield executor


@pytest.fixture
def spin_until(executor: SingleThreadedExecutor, until: Callable[..., None]) -> SpinUntil:
    """Runs the executor's nodes until something is so; fails where it never is."""

    def spin(so: Callable[[], bool], told: Callable[[], object] = str) -> None:
        until(so, lambda: executor.spin_once(timeout_sec=0.05), told)

    return spin
