"""The services ``~/save_goal`` and ``~/list_goals``: the library of stored goals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from wm_planner_msgs.srv import ListGoals, SaveGoal

from wm_planner.control import ErrorCode, Refused
from wm_planner.models import ModelSpec
from wm_planner.ros.background import BackgroundThread
from wm_planner.ros.observation_reader import ObservationReader
from wm_planner.ros.refusal import refusal


class GoalServices:
    """Offers both services, which outlive the planner's configurations.

    Args:
        node: The node.
        background: Reads and writes images.
    """

    def __init__(self, node: Node, background: BackgroundThread) -> None:
        self._node, self._background = node, background
        self._open: tuple[ObservationReader, ModelSpec] | None = None
        group = ReentrantCallbackGroup()
        node.create_service(SaveGoal, "~/save_goal", self._save, callback_group=group)
        node.create_service(ListGoals, "~/list_goals", self._list, callback_group=group)

    def open(self, reader: ObservationReader, spec: ModelSpec) -> None:
        """Serve.

        Args:
            reader: Reads images; its library is written and listed.
            spec: Names the proprio that is stored with an image.
        """
        self._open = reader, spec

    def close(self) -> None:
        """Refuse further requests."""
        self._open = None

    async def _save(self, request: Any, response: Any) -> Any:
        try:
            reader, spec = self._now()
            path = await self._background.run(_store, reader, spec, request)
        except Exception as error:
            outcome = refusal(self._node, error)
            response.error_code, response.message = int(outcome.code), outcome.message
            return response
        response.success, response.error_code = True, int(ErrorCode.NONE)
        response.message = f"stored as {path}"
        return response

    async def _list(self, request: Any, response: Any) -> Any:
        try:
            library = self._now()[0].library
            response.names = await self._background.run(library.names)
            response.message = f"stored goals are in {library.directory}"
            response.success = True
        except Exception as error:
            response.message = refusal(self._node, error).message
        return response

    def _now(self) -> tuple[ObservationReader, ModelSpec]:
        if self._open is None:
            raise Refused(ErrorCode.NOT_ACTIVE, "the node is not configured")
        return self._open


def _store(reader: ObservationReader, spec: ModelSpec, request: Any) -> Path:
    """Store the goal of a ``SaveGoal`` request; runs in another thread."""
    given = len(request.image.data) + len(request.compressed_image.data) > 0
    observation = reader.read(
        "goal",
        image=request.image,
        compressed=request.compressed_image,
        current=not given,
        proprio=request.proprio,
    )
    values = [] if observation.proprio is None else observation.proprio.tolist()
    proprio = dict(zip(spec.proprio.names, values, strict=False))
    return reader.library.save(
        request.name, observation.images[0], proprio, overwrite=request.overwrite
    )
