"""The action ``~/reach_goal``: goals are checked, accepted, pursued one at a time, and ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import CompressedImage, Image
from wm_planner_msgs.action import ReachGoal

from wm_planner.control import ControlLoop, ErrorCode, GoalSession, Refused, Status
from wm_planner.ros.background import Background
from wm_planner.ros.conversions import duration_to_seconds, feedback, result
from wm_planner.ros.inputs import Inputs
from wm_planner.ros.observation_reader import ObservationReader
from wm_planner.ros.refusal import refusal
from wm_planner.ros.reporter import INACTIVE
from wm_planner.types import Observation
from wm_planner.worker import Planned

RESULT_TIMEOUT = 900  # [s, ROS time, which may jump] how long a result is kept after its end
MAX_SUBGOALS = 16  # each may hold an image of 50 million pixels


class _Server(ActionServer):
    """An action server whose answers do not wait for a goal that is read."""

    async def execute(self, taken_data: Any) -> None:
        """Handle what was taken in one go; rclpy begins with the goal."""
        goal = taken_data.pop("goal", None)
        await super().execute(taken_data)
        if goal is not None:
            await super().execute({"goal": goal})


class GoalServer:
    """Offers ``~/reach_goal``, and pursues its goals while it is open.

    The action outlives the planner's configurations: a result is delivered after its goal's end,
    and can still be asked for later.

    Args:
        node: Its clock and logger are used.
        background: Reads the images.
        on_reject: Told why a goal was rejected.
    """

    def __init__(
        self, node: Node, background: Background, on_reject: Callable[[Status], None]
    ) -> None:
        self._node, self._background, self._on_reject = node, background, on_reject
        self._is_open = False
        self._under_way: Any = None  # the handle of the loop's goal
        self._results: dict[bytes, Future] = {}  # not yet delivered, by the goal's uuid
        self._requests = self._newest = 0  # requests that came, and the last that was accepted
        self._checked: list[Observation] = []
        self._server = _Server(
            node, ReachGoal, "~/reach_goal", self._execute,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel,
            result_timeout=RESULT_TIMEOUT,
            callback_group=ReentrantCallbackGroup(),
        )  # fmt: skip

    def open(
        self,
        loop: ControlLoop,
        reader: ObservationReader,
        inputs: Inputs,
        *,
        check: Callable[[], None],
        on_begin: Callable[[], None],
    ) -> None:
        """Take goals.

        Args:
            loop: Pursues them.
            reader: Reads their images.
            inputs: Says what images should be like.
            check: Raises ``Refused`` when no goal may be accepted.
            on_begin: Called after a goal began.
        """
        self._loop, self._reader, self._inputs = loop, reader, inputs
        self._check, self._on_begin = check, on_begin
        self._is_open = True

    def close(self) -> None:
        """Reject goals from now on; none is under way."""
        self._is_open = False

    def destroy(self) -> None:
        """Take the action away."""
        self._server.destroy()

    def step(self, session: GoalSession, plan: Planned, image_age: float) -> None:
        """Send the feedback of one step."""
        self._under_way.publish_feedback(feedback(session, plan, image_age))

    def end(self, goal_id: int, session: GoalSession, now: float) -> Status:
        """Log and send the result of a goal that ended at ROS time ``now`` [s]."""
        outcome = session.outcome
        assert outcome
        line = f"goal {goal_id} ended after {session.steps} steps: {outcome.message}"
        if outcome.reached:  # two calls, as a rclpy logger wants one severity per line of code
            self._node.get_logger().info(line)
        else:
            self._node.get_logger().warning(line)
        self._results[_uuid(self._under_way)].set_result(result(session, now))
        self._under_way = None
        return outcome

    async def _on_goal(self, request: Any) -> GoalResponse:
        """Check a goal before it is accepted; a bad one leaves the goal under way alone."""
        self._requests += 1
        number = self._requests
        try:
            before = self._check_now()
            observations = await self._background.run(self._read, request)
            if self._check_now() != before:
                raise Refused(
                    ErrorCode.PREEMPTED,
                    "~/stop was called, or the node configured, while it was read",
                )
            if number < self._newest:
                raise Refused(ErrorCode.PREEMPTED, "a newer goal came while this one was read")
        except Exception as error:
            self._on_reject(refusal(self._node, error))
            return GoalResponse.REJECT
        self._newest, self._checked = number, observations
        return GoalResponse.ACCEPT

    def _check_now(self) -> tuple[ControlLoop, int]:
        """The loop in which a goal could begin now, and how often it was stopped.

        Raises:
            Refused: Why not.
        """
        if not self._is_open:
            raise Refused(INACTIVE.code, INACTIVE.message)
        self._check()
        self._loop.check_start(time.monotonic())
        return self._loop, self._loop.stops

    def _read(self, request: Any) -> list[Observation]:
        """The sub-goals and the goal; in another thread, beside the callbacks.

        Raises:
            Refused: One of them, or a number, cannot be used.
        """
        tolerance, timeout = request.tolerance, duration_to_seconds(request.timeout)
        if not 0 <= tolerance <= 1 or timeout < 0:
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"tolerance {tolerance} must lie in [0, 1] and timeout {timeout} s must not be "
                "negative",
            )
        if len(request.via) > MAX_SUBGOALS:
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"{len(request.via)} sub-goals were given, at most {MAX_SUBGOALS} are allowed: "
                "send them as several goals",
            )
        like = self._inputs.camera.shape
        named = [(f"sub-goal {i}", part) for i, part in enumerate(request.via)]
        observations = []
        for what, part in [*named, ("goal", request)]:
            observation = self._reader.goal(what, part, like)
            if why := self._inputs.contract.refuses_goal(observation):
                raise Refused(ErrorCode.CAMERA_CONTRACT, f"the {what} image: {why}")
            observations.append(observation)
        return observations

    def _on_accepted(self, handle: Any) -> None:
        """Start the goal that ``_on_goal`` checked a moment ago."""
        request = handle.request
        self._loop.begin(
            self._checked,
            request.tolerance,
            duration_to_seconds(request.timeout),
            self._node.get_clock().now().nanoseconds * 1e-9,
            time.monotonic(),
        )
        self._checked = []
        # The handle is kept until RESULT_TIMEOUT; its images, which were read, need not be.
        request.image, request.compressed_image, request.via = Image(), CompressedImage(), []
        self._under_way = handle
        self._results[_uuid(handle)] = Future(executor=self._node.executor)
        self._inputs.contract.restart()
        handle.execute()
        self._on_begin()

    async def _execute(self, handle: Any) -> Any:
        """Wait for the goal's end and tell the client."""
        message = await self._results[_uuid(handle)]
        del self._results[_uuid(handle)]
        if message.error_code == ErrorCode.NONE:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()  # also when preempted: rclpy refuses canceled() without a request
        return message

    def _on_cancel(self, handle: Any) -> CancelResponse:
        if handle is not self._under_way:
            return CancelResponse.REJECT  # it has just ended
        now = self._node.get_clock().now().nanoseconds * 1e-9
        self._loop.end(Status(ErrorCode.CANCELED, "the client canceled the goal"), now)
        return CancelResponse.ACCEPT


def _uuid(handle: Any) -> bytes:
    return bytes(handle.goal_id.uuid)
