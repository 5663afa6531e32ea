"""The service ``~/plan_once``: one plan from one observation to one goal; nothing moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from wm_planner_msgs.srv import Plan

from wm_planner.config import PRESETS
from wm_planner.control import ErrorCode, Refused
from wm_planner.models import ModelSpec
from wm_planner.ros.background import BackgroundThread
from wm_planner.ros.goal_reader import GoalReader
from wm_planner.ros.refusal import refusal
from wm_planner.ros.report_messages import fill_response
from wm_planner.text import quoted
from wm_planner.types import Goal, Observation
from wm_planner.worker import Failed, Planned, PlannerLink, PlanOnce

MAX_WAITING = 8  # requests; each holds two observations
CLEANED_UP = "the node was cleaned up before the plan was made"


class PlanOnceService:
    """Serves single plans while no goal is under way.

    The service outlives the planner's configurations, because coroutines may answer after cleanup.

    Args:
        node: Carries the service.
        background: Reads the images.
    """

    def __init__(self, node: Node, background: BackgroundThread) -> None:
        self._node, self._background = node, background
        self._link: PlannerLink | None = None
        self._waiting: dict[int, Future] = {}
        self._number = -1  # counts down; the numbers of goals count up
        node.create_service(
            Plan, "~/plan_once", self._serve, callback_group=ReentrantCallbackGroup()
        )

    def open(
        self, link: PlannerLink, reader: GoalReader, spec: ModelSpec, busy: Callable[[], str]
    ) -> None:
        """Serve with this planner and model; ``busy`` returns why not now, or an empty string."""
        self._link, self._reader, self._spec, self._busy = link, reader, spec, busy

    def take(self, answer: Planned | Failed) -> bool:
        """Take an answer of the worker; return whether it was for this service."""
        if answer.goal_id not in self._waiting:
            return False
        self._waiting.pop(answer.goal_id).set_result(answer)
        return True

    def close(self) -> None:
        """Answer the waiting requests, and refuse further ones."""
        for number in list(self._waiting):
            self.take(Failed(number, CLEANED_UP))
        self._link = None

    async def _serve(self, request: Any, response: Any) -> Any:
        try:
            link = self._check()
            _check_preset(request.preset)
            start, goal = await self._background.run(_read, self._reader, request)
            if self._check() is not link:
                raise Refused(ErrorCode.NOT_ACTIVE, "the node was configured again in the meantime")
        except Exception as error:
            status = refusal(self._node, error)
            response.error_code, response.message = int(status.code), status.message
            return response
        self._number -= 1
        future = Future(executor=self._node.executor)
        self._waiting[self._number] = future
        link.plan_once(PlanOnce(self._number, start, goal, request.preset, request.seed))
        answer = await future
        if isinstance(answer, Planned) and answer.stop_reason != "canceled":
            return fill_response(response, answer, self._spec)
        if self._link is not link:
            response.error_code, response.message = int(ErrorCode.NOT_ACTIVE), CLEANED_UP
        elif isinstance(answer, Failed) and not (answer.preempted or self._busy()):
            response.error_code, response.message = int(ErrorCode.PLANNER_FAILED), answer.message
        else:
            response.error_code = int(ErrorCode.PREEMPTED)
            response.message = "a goal was accepted before the plan was made"
        return response

    def _check(self) -> PlannerLink:
        """Return the link that could make a plan now.

        Raises:
            Refused: No plan can be made; the message says why.
        """
        if self._link is None:
            raise Refused(ErrorCode.NOT_ACTIVE, "the node is not configured")
        if busy := self._busy():
            raise Refused(ErrorCode.PREEMPTED, busy)
        if len(self._waiting) >= MAX_WAITING:
            raise Refused(
                ErrorCode.PREEMPTED, f"{MAX_WAITING} plans are under way: wait for their answers"
            )
        if self._link.ready is None:
            raise Refused(ErrorCode.WORKER_LOST, self._link.problem)
        return self._link


def _check_preset(name: str) -> None:
    """Check the name of a preset before it is sent to the worker.

    Raises:
        Refused: There is no such preset.
    """
    if name and name not in PRESETS:
        raise Refused(
            ErrorCode.INVALID_GOAL,
            f"there is no preset {quoted(name)}: choose {', '.join(PRESETS)}, or leave it empty",
        )


def _read(reader: GoalReader, request: Any) -> tuple[Observation, Goal]:
    """Return the start and the goal; runs in another thread."""
    start = reader.observation("start", request.start)
    return start, reader.goal("goal", request.goal)
