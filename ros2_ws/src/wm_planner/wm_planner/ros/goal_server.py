"""The action ``~/reach_goal``: goals are checked, accepted, pursued one at a time, and ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.node import Node
from rclpy.task import Future
from wm_planner_msgs.action import ReachGoal

from wm_planner.control import Code, ControlLoop, Outcome, Refused, Session
from wm_planner.ros.goals import SceneReader
from wm_planner.ros.inputs import Inputs
from wm_planner.ros.status import duration_to_seconds, feedback, result
from wm_planner.worker import Planned, Scene

RESULT_TIMEOUT = 60  # [s] how long a goal's picture and result are kept after its end
MAX_SUBGOALS = 16  # they are decoded while the node does nothing else


class GoalServer:
    """Offers ``~/reach_goal`` on a control loop.

    Args:
        node: Its clock and logger are used.
        loop: Pursues the goals.
        reader: Reads their pictures.
        inputs: Says what pictures should be like.
        check: Raises ``Refused`` when no goal may be accepted.
        on_begin: Called after a goal began.
        on_reject: Told why a goal was rejected.
    """

    def __init__(
        self,
        node: Node,
        loop: ControlLoop,
        reader: SceneReader,
        inputs: Inputs,
        *,
        check: Callable[[], None],
        on_begin: Callable[[], None],
        on_reject: Callable[[Outcome], None],
    ) -> None:
        self._node, self._loop, self._reader, self._inputs = node, loop, reader, inputs
        self._check, self._on_begin, self._on_reject = check, on_begin, on_reject
        self._goals: dict[int, tuple[Any, Future]] = {}
        self._checked: list[Scene] = []
        self._server = ActionServer(
            node, ReachGoal, "~/reach_goal", self._execute,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel,
            result_timeout=RESULT_TIMEOUT,
        )  # fmt: skip

    def close(self) -> None:
        """Take the action away."""
        self._server.destroy()

    def step(self, session: Session, plan: Planned, image_age: float) -> None:
        """Send the feedback of one step."""
        handle = self._goals[self._loop.goal_id][0]
        handle.publish_feedback(feedback(session, plan, image_age))

    def end(self, goal_id: int, session: Session, now: float) -> Outcome:
        """Log and send the result of a goal that ended at ROS time ``now`` [s]."""
        outcome = session.outcome
        assert outcome
        line = f"goal {goal_id} ended after {session.steps} steps: {outcome.message}"
        if outcome.reached:  # two calls, as a rclpy logger wants one severity per line of code
            self._node.get_logger().info(line)
        else:
            self._node.get_logger().warning(line)
        self._goals[goal_id][1].set_result(result(session, now))
        return outcome

    def _on_goal(self, request: Any) -> GoalResponse:
        """Check a goal before it is accepted; a bad one leaves the goal under way alone."""
        try:
            self._check()
            self._loop.check_start(time.monotonic())
            self._checked = self._read(request)
        except Refused as error:
            self._on_reject(error.outcome)
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _read(self, request: Any) -> list[Scene]:
        """The sub-goals and the goal.

        Raises:
            Refused: One of them, or a number, cannot be used.
        """
        tolerance, timeout = request.tolerance, duration_to_seconds(request.timeout)
        if not 0 <= tolerance <= 1 or timeout < 0:
            raise Refused(
                Code.INVALID_GOAL,
                f"tolerance {tolerance} must lie in [0, 1] and timeout {timeout} s must not be "
                "negative",
            )
        if len(request.via) > MAX_SUBGOALS:
            raise Refused(
                Code.INVALID_GOAL,
                f"{len(request.via)} sub-goals were given, at most {MAX_SUBGOALS} are allowed: "
                "send them as several goals",
            )
        like = self._inputs.camera.shape
        named = [(f"sub-goal {i}", part) for i, part in enumerate(request.via)]
        scenes = []
        for what, part in [*named, ("goal", request)]:
            scene = self._reader.goal(what, part, like)
            if why := self._inputs.contract.refuses_goal(scene.image):
                raise Refused(Code.CAMERA_CONTRACT, f"the {what} picture: {why}")
            scenes.append(scene)
        return scenes

    def _on_accepted(self, handle: Any) -> None:
        """Start the goal that ``_on_goal`` checked a moment ago."""
        request = handle.request
        goal_id = self._loop.begin(
            self._checked,
            request.tolerance,
            duration_to_seconds(request.timeout),
            self._node.get_clock().now().nanoseconds * 1e-9,
            time.monotonic(),
        )
        self._goals[goal_id] = handle, Future(executor=self._node.executor)
        handle.goal_number = goal_id
        self._inputs.contract.restart()
        handle.execute()
        self._on_begin()

    async def _execute(self, handle: Any) -> Any:
        """Wait for the goal's end and tell the client."""
        message = await self._goals[handle.goal_number][1]
        del self._goals[handle.goal_number]
        if message.error_code == Code.NONE:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()  # also when preempted: rclpy refuses canceled() without a request
        return message

    def _on_cancel(self, handle: Any) -> CancelResponse:
        if self._loop.session is None or handle.goal_number != self._loop.goal_id:
            return CancelResponse.REJECT  # it has just ended
        now = self._node.get_clock().now().nanoseconds * 1e-9
        self._loop.end(Outcome(Code.CANCELED, "the client canceled the goal"), now)
        return CancelResponse.ACCEPT
