"""The action ``~/reach_goal``: check and accept goals, pursue one at a time, send results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal

from wm_planner.control import INACTIVE, ErrorCode, GoalSession, Refused, Status
from wm_planner.ros import log
from wm_planner.ros.background import BackgroundThread
from wm_planner.ros.goal_host import GoalHost, GoalRequest
from wm_planner.ros.refusal import refusal
from wm_planner.ros.report_messages import feedback, result, result_of_refused
from wm_planner.worker import Planned

RESULT_TIMEOUT = 900  # [s, ROS time, which may jump] how long a result is kept


class _Server(ActionServer):
    """An action server that answers other requests while a goal is being read."""

    async def execute(self, taken_data: Any) -> None:
        """Handle all taken requests, the goal last; rclpy would handle it first."""
        goal = taken_data.pop("goal", None)
        await super().execute(taken_data)
        if goal is not None:
            await super().execute({"goal": goal})


class GoalServer:
    """Offers ``~/reach_goal``; while it is open, a host pursues the goals.

    The action outlives the planner's configurations, because a result is sent after its goal has
    ended, and clients may ask for it later.

    Args:
        node: Carries the action.
        background: Reads the images.
        on_reject: Called with the reason when a goal is rejected.
    """

    def __init__(
        self, node: Node, background: BackgroundThread, on_reject: Callable[[Status], None]
    ) -> None:
        self._node, self._background, self._on_reject = node, background, on_reject
        self._host: GoalHost | None = None
        self._under_way: Any = None  # the handle of the goal under way
        self._results: dict[bytes, Future] = {}  # not yet delivered, by the goal's uuid
        self._requests = self._newest = 0  # number of requests; number of the last accepted
        self._read: GoalRequest | None = None  # the request that is being accepted
        self._server = _Server(
            node, ReachGoal, "~/reach_goal", self._execute,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel,
            result_timeout=RESULT_TIMEOUT,
            callback_group=ReentrantCallbackGroup(),
        )  # fmt: skip

    def open(self, host: GoalHost) -> None:
        """Accept goals, and pursue them with this host."""
        self._host = host

    def close(self) -> None:
        """Reject goals from now on; call it only if none is under way."""
        self._host = None

    def destroy(self) -> None:
        """Destroy the action."""
        self._server.destroy()

    def step(self, session: GoalSession, plan: Planned, image_age: float) -> None:
        """Send the feedback of one step."""
        self._under_way.publish_feedback(feedback(session, plan, image_age))

    def end(self, goal_id: int, session: GoalSession, now: float) -> None:
        """Log and send the result of a goal that ended at ROS time ``now`` [s]."""
        outcome = session.outcome
        assert outcome
        line = f"goal {goal_id} ended after {session.steps} steps: {outcome.message}"
        if outcome.reached:  # two calls: rclpy allows one severity per line of code
            log.info(self._node, line)
        else:
            log.warning(self._node, line)
        self._results[_uuid(self._under_way)].set_result(result(session, now))
        self._under_way = None

    async def _on_goal(self, request: Any) -> GoalResponse:
        """Check and read a goal before it is accepted; if rejected, a goal under way goes on."""
        self._requests += 1
        number = self._requests
        try:
            before = self._check()
            read = await self._background.run(before[0].read, request)
            if self._check() != before:
                raise Refused(
                    ErrorCode.PREEMPTED,
                    "~/stop was called, or the node was configured again, while the goal was read",
                )
            if number < self._newest:
                raise Refused(ErrorCode.PREEMPTED, "a newer goal arrived while this one was read")
        except Exception as error:
            self._on_reject(refusal(self._node, error))
            return GoalResponse.REJECT
        self._newest, self._read = number, read
        return GoalResponse.ACCEPT

    def _check(self) -> tuple[GoalHost, int]:
        """Return the host that could begin a goal now, and how often ``~/stop`` was called.

        Raises:
            Refused: No goal can begin; the message says why.
        """
        if self._host is None:
            raise Refused(INACTIVE.code, INACTIVE.message)
        return self._host, self._host.check()

    def _on_accepted(self, handle: Any) -> None:
        """Begin the goal that ``_on_goal`` has just accepted."""
        host, read, request = self._host, self._read, handle.request
        assert host
        assert read
        self._read = None
        # rclpy keeps the handle for RESULT_TIMEOUT; do not keep its images, which were read.
        request.goal, request.sub_goals = Goal(), []
        answer = self._results[_uuid(handle)] = Future(executor=self._node.executor)
        handle.execute()
        try:
            host.begin(read)
        except Refused as error:  # by now, e.g. the newest wrench has just become too old
            self._on_reject(error.status)
            answer.set_result(result_of_refused(error.status))
            return
        self._under_way = handle
        host.go()

    async def _execute(self, handle: Any) -> Any:
        """Wait for the end of the goal, and send its result."""
        message = await self._results[_uuid(handle)]
        del self._results[_uuid(handle)]
        if message.error_code == ErrorCode.NONE:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()  # also if preempted: rclpy refuses canceled() without a request
        return message

    def _on_cancel(self, handle: Any) -> CancelResponse:
        if handle is not self._under_way or self._host is None:
            return CancelResponse.REJECT  # it has just ended
        self._host.cancel(Status(ErrorCode.CANCELED, "the client canceled the goal"))
        return CancelResponse.ACCEPT


def _uuid(handle: Any) -> bytes:
    return bytes(handle.goal_id.uuid)
