"""The services ``~/stop`` and ``~/release``; between them goals are rejected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from std_srvs.srv import Trigger

from wm_planner.control import ControlLoop
from wm_planner.ros.callers import callers
from wm_planner.ros.ros_time import now


class StopServices:
    """Offers both services; a stop lasts until the release.

    Both say in the answer and in the log who called.

    Args:
        node: Carries the services.
        loop: The loop to stop and release.
        on_change: Called after a stop or a release.
    """

    def __init__(self, node: Node, loop: ControlLoop, on_change: Callable[[], None]) -> None:
        self._node, self._loop, self._on_change = node, loop, on_change
        self._stop_service = node.create_service(Trigger, "~/stop", self._stop)
        self._release_service = node.create_service(Trigger, "~/release", self._release)

    def close(self) -> None:
        """Destroy both services."""
        for service in (self._stop_service, self._release_service):
            self._node.destroy_service(service)

    def _stop(self, request: Any, response: Any) -> Any:
        caller = callers(self._node, self._stop_service.service_name)
        self._loop.stop(now(self._node), f"~/stop was called by {caller}")
        stopped = self._loop.stopped
        assert stopped
        if not stopped.repeats:
            self._node.get_logger().warning(stopped.sentence)
        self._on_change()
        response.success = True
        response.message = f"the arm holds: {stopped.status.message}"
        return response

    def _release(self, request: Any, response: Any) -> Any:
        response.success = True
        if stopped := self._loop.stopped:
            caller = callers(self._node, self._release_service.service_name)
            self._loop.release()
            response.message = f"goals are accepted again; {stopped.sentence}"
            self._node.get_logger().warning(f"~/release was called by {caller}: {response.message}")
            self._on_change()
        else:
            response.message = "the planner was not stopped"
        return response
