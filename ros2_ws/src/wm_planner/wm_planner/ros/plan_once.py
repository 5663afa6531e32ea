"""The service ``~/plan_once``: one plan for one picture and goal; nothing is sent to the robot."""

from __future__ import annotations

from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from wm_planner_msgs.srv import Plan

from wm_planner.control import Code
from wm_planner.models import ModelSpec
from wm_planner.ros.goals import GoalError, SceneReader
from wm_planner.ros.status import fill_response
from wm_planner.worker import Failed, Planned, PlannerLink, PlanOnce, Scene


class PlanOnceService:
    """Serves single plans between those of the loop.

    Args:
        node: The node.
        link: The planner.
        reader: Reads the request's pictures.
        spec: The model's spec.
    """

    def __init__(self, node: Node, link: PlannerLink, reader: SceneReader, spec: ModelSpec) -> None:
        self._node, self._link, self._reader, self._spec = node, link, reader, spec
        self._waiting: dict[int, Future] = {}
        self._number = -1  # counts down, the goals' numbers count up
        # A coroutine keeps its callback group until it ends, so it must not share one.
        self._service = node.create_service(
            Plan, "~/plan_once", self._serve, callback_group=ReentrantCallbackGroup()
        )

    def take(self, answer: Planned | Failed) -> bool:
        """Pass on an answer; False when it is not for this service."""
        if answer.goal_id not in self._waiting:
            return False
        self._waiting.pop(answer.goal_id).set_result(answer)
        return True

    def close(self) -> None:
        """Answer what waits, and end the service."""
        for number in list(self._waiting):
            self.take(Failed(number, "the node was cleaned up"))
        self._node.destroy_service(self._service)

    async def _serve(self, request: Any, response: Any) -> Any:
        try:
            scene, goal = self._read(request)
        except GoalError as error:
            response.error_code, response.message = int(error.code), str(error)
            return response
        if self._link.ready is None:
            response.error_code, response.message = int(Code.WORKER_LOST), self._link.problem
            return response
        self._number -= 1
        future = Future(executor=self._node.executor)
        self._waiting[self._number] = future
        self._link.plan_once(PlanOnce(self._number, scene, goal, request.preset, request.seed))
        answer = await future
        if isinstance(answer, Planned):
            return fill_response(response, answer, self._spec)
        response.error_code, response.message = int(Code.PLANNER_FAILED), answer.message
        return response

    def _read(self, request: Any) -> tuple[Scene, Scene]:
        scene = self._reader.read(
            "picture",
            image=request.image,
            compressed=request.compressed_image,
            proprio=request.proprio,
        )
        goal = self._reader.read(
            "goal",
            image=request.goal_image,
            compressed=request.goal_compressed_image,
            name=request.goal_name,
            proprio=request.goal_proprio,
        )
        return scene, goal
