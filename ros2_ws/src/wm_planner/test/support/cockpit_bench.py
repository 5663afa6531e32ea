"""The cockpit's requests, and a planner that they are for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from planner_double import LATCHED, PlannerDouble
from rclpy.node import Node
from wm_planner_msgs.msg import PlanStatus

from wm_planner.cockpit import calls as module
from wm_planner.cockpit.calls import PlannerCalls
from wm_planner.cockpit.known import Known


class Bench:
    """A cockpit's requests, and the planner that they are for, each in a thread of its own.

    Attributes:
        node: The cockpit's node.
        known: What it knows.
        calls: Its requests.
        planner: The planner.
    """

    def __init__(
        self, node: Node, planner: PlannerDouble, runner: asyncio.Runner, limit: float
    ) -> None:
        self.node, self.planner = node, planner
        self.known = Known("/planner")
        self.known.take_config("limits: {locked: false}")
        self.calls = PlannerCalls(node, "/planner", self.known)
        node.create_subscription(PlanStatus, "/planner/status", self.known.take_status, LATCHED)
        self._runner, self._limit = runner, limit

    def run(self, scene: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(asyncio.wait_for(scene, self._limit))

    @property
    def pending(self) -> int:
        """How many requests the clients still wait for."""
        return sum(len(client._pending_requests) for client in self.node.clients)

    def all_done(self) -> None:
        """Wait until no client keeps a request."""
        self.run(reached(lambda: self.pending == 0))


async def reached(condition: Callable[[], Any]) -> None:
    """Wait until something holds that other threads bring about; the scene has a time limit."""
    while not condition():
        await asyncio.sleep(0.01)


def patience(monkeypatch: pytest.MonkeyPatch, seconds: float, again: float = 1.0) -> None:
    """Set for how long an answer is waited for, and when a request is sent again [s]."""
    monkeypatch.setattr(module, "PATIENCE", seconds)
    monkeypatch.setattr(module, "AGAIN", again)
