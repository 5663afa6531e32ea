"""The services ``~/save_goal`` and ``~/list_goals``: the library of stored goals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from wm_planner_msgs.srv import ListGoals, SaveGoal

from wm_planner.control import ErrorCode, Refused
from wm_planner.ros.background import BackgroundThread
from wm_planner.ros.goal_reader import GoalReader
from wm_planner.ros.goal_sources import SOURCES, is_given
from wm_planner.ros.refusal import refusal


class GoalServices:
    """Offers both services, which outlive the planner's configurations.

    Args:
        node: Carries the services.
        background: Reads and writes images.
    """

    def __init__(self, node: Node, background: BackgroundThread) -> None:
        self._node, self._background = node, background
        self._reader: GoalReader | None = None
        group = ReentrantCallbackGroup()
        node.create_service(SaveGoal, "~/save_goal", self._save, callback_group=group)
        node.create_service(ListGoals, "~/list_goals", self._list, callback_group=group)

    def open(self, reader: GoalReader) -> None:
        """Serve requests with this reader and its library."""
        self._reader = reader

    def close(self) -> None:
        """Refuse further requests."""
        self._reader = None

    async def _save(self, request: Any, response: Any) -> Any:
        try:
            path = await self._background.run(_store, self._open_reader(), request)
        except Exception as error:
            status = refusal(self._node, error)
            response.error_code, response.message = int(status.code), status.message
            return response
        response.success, response.error_code = True, int(ErrorCode.NONE)
        response.message = f"stored as {path}"
        return response

    async def _list(self, request: Any, response: Any) -> Any:
        try:
            library = self._open_reader().library
            response.names = await self._background.run(library.names)
            response.message = f"stored goals are in {library.directory}"
            response.success = True
        except Exception as error:
            response.message = refusal(self._node, error).message
        return response

    def _open_reader(self) -> GoalReader:
        if self._reader is None:
            raise Refused(ErrorCode.NOT_ACTIVE, "the node is not configured")
        return self._reader


def _store(reader: GoalReader, request: Any) -> Path:
    """Store the goal of a ``SaveGoal`` request; runs in another thread."""
    message, spec = request.goal, reader.spec
    if not any(is_given(getattr(message, field)) for field in SOURCES):
        message.current = True
    observation = reader.observation("goal", message)
    if len(observation.images) > 1:
        raise Refused(
            ErrorCode.INVALID_GOAL,
            f"a stored goal holds one image, but model {spec.name} needs one for each view "
            f"({', '.join(spec.views)}): send its goals as images or current",
        )
    values = [] if observation.proprio is None else observation.proprio.tolist()
    proprio = dict(zip(spec.proprio.names, values, strict=False))
    (image,) = observation.images
    return reader.library.save(request.name, image, proprio, overwrite=request.overwrite)
