"""The services ``~/stop`` and ``~/release``; between them goals are rejected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from std_srvs.srv import Trigger

from wm_planner.control import ControlLoop
from wm_planner.ros.ros_time import now


class StopServices:
    """Offers both services; a stop lasts until the release, or until the node is cleaned up.

    Args:
        node: Carries the services.
        loop: The loop to stop and release.
        on_change: Called after a stop or a release.
    """

    def __init__(self, node: Node, loop: ControlLoop, on_change: Callable[[], None]) -> None:
        self._node, self._loop, self._on_change = node, loop, on_change
        self._services = [
            node.create_service(Trigger, "~/stop", self._stop),
            node.create_service(Trigger, "~/release", self._release),
        ]

    def close(self) -> None:
        """Destroy both services."""
        for service in self._services:
            self._node.destroy_service(service)

    def _stop(self, request: Any, response: Any) -> Any:
        self._loop.stop(now(self._node))
        self._on_change()
        response.success = True
        response.message = "the arm holds; call ~/release to accept goals again"
        return response

    def _release(self, request: Any, response: Any) -> Any:
        response.success = True
        response.message = (
            "goals are accepted again" if self._loop.stopped else "the planner was not stopped"
        )
        if self._loop.stopped:
            self._loop.release()
            self._on_change()
        return response
