"""The services ``~/stop`` and ``~/release``: the arm holds, and goals are refused in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from std_srvs.srv import Trigger

from wm_planner.control import ControlLoop


class StopServices:
    """Offers both services; a stop lasts until the release, or until the node is cleaned up.

    Args:
        node: The node.
        loop: Is stopped.
        on_change: Called after a stop or a release.
    """

    def __init__(self, node: Node, loop: ControlLoop, on_change: Callable[[], None]) -> None:
        self._node, self._loop, self._on_change = node, loop, on_change
        self._services = [
            node.create_service(Trigger, "~/stop", self._stop),
            node.create_service(Trigger, "~/release", self._release),
        ]

    def close(self) -> None:
        """Take both away."""
        for service in self._services:
            self._node.destroy_service(service)

    def _stop(self, request: Any, response: Any) -> Any:
        self._loop.stop(self._node.get_clock().now().nanoseconds * 1e-9)
        self._on_change()
        response.success, response.message = True, "the arm holds; ~/release takes goals again"
        return response

    def _release(self, request: Any, response: Any) -> Any:
        response.success = True
        response.message = "goals are taken again" if self._loop.stopped else "it was not stopped"
        if self._loop.stopped:
            self._loop.release()
            self._on_change()
        return response
