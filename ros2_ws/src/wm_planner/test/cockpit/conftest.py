"""Nodes in a context of their own, which are destroyed even if a test fails."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node


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
