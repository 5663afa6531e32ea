"""The services ``~/save_goal`` and ``~/list_goals``: the library of goals by name."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from wm_planner_msgs.srv import ListGoals, SaveGoal

from wm_planner.control import Code
from wm_planner.models import ModelSpec
from wm_planner.ros.goals import SceneReader
from wm_planner.ros.refusal import refusal


class GoalServices:
    """Offers both services.

    Args:
        node: The node.
        reader: Reads pictures; its library is the one that is written and listed.
        spec: The names of the state that is stored with a picture.
    """

    def __init__(self, node: Node, reader: SceneReader, spec: ModelSpec) -> None:
        self._node, self._reader, self._spec = node, reader, spec
        self._services = [
            node.create_service(SaveGoal, "~/save_goal", self._save),
            node.create_service(ListGoals, "~/list_goals", self._list),
        ]

    def close(self) -> None:
        """Take both away."""
        for service in self._services:
            self._node.destroy_service(service)

    def _save(self, request: Any, response: Any) -> Any:
        given = len(request.image.data) + len(request.compressed_image.data) > 0
        try:
            scene = self._reader.read(
                "goal",
                image=request.image,
                compressed=request.compressed_image,
                current=not given,
                proprio=request.proprio,
            )
            values = [] if scene.proprio is None else scene.proprio.tolist()
            proprio = dict(zip(self._spec.proprio.names, values, strict=False))
            path = self._reader.library.save(
                request.name, scene.image, proprio, overwrite=request.overwrite
            )
        except Exception as error:
            outcome = refusal(self._node, error)
            response.error_code, response.message = int(outcome.code), outcome.message
            return response
        response.success, response.error_code = True, int(Code.NONE)
        response.message = f"stored as {path}"
        return response

    def _list(self, request: Any, response: Any) -> Any:
        try:
            response.names = self._reader.library.names()
            response.message = f"stored goals are in {self._reader.library.directory}"
            response.success = True
        except Exception as error:
            response.message = refusal(self._node, error).message
        return response
