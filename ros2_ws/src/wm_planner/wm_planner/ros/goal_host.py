"""Check, read, begin and cancel goals while the node is configured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wm_planner.control import INACTIVE, ControlLoop, ErrorCode, Refused, Status
from wm_planner.message_limits import MAX_SUB_GOALS, MAX_TIMEOUT
from wm_planner.ros.command_output import CommandOutput
from wm_planner.ros.goal_reader import GoalReader
from wm_planner.ros.inputs import Inputs
from wm_planner.ros.ros_time import duration_to_seconds
from wm_planner.types import Goal


@dataclass(frozen=True)
class GoalRequest:
    """A goal that was read and checked.

    Attributes:
        goals: The sub-goals in order, then the goal.
        timeout: ROS time allowed [s]; 0 for ``session.timeout``.
    """

    goals: list[Goal]
    timeout: float


class GoalHost:
    """Checks, reads, begins and cancels the goals of the goal server.

    Args:
        loop: Pursues goals.
        reader: Reads goals.
        inputs: The cameras; they report second publishers.
        commands: Reports why no command can be sent.
        clock: Returns ROS time [s].
        on_begin: Called after a goal has begun.

    Attributes:
        active: Whether goals are accepted.
    """

    def __init__(
        self,
        loop: ControlLoop,
        reader: GoalReader,
        inputs: Inputs,
        commands: CommandOutput,
        clock: Callable[[], float],
        on_begin: Callable[[], None],
    ) -> None:
        self._loop, self._reader, self._inputs, self._commands = loop, reader, inputs, commands
        self._clock, self._on_begin = clock, on_begin
        self.active = False

    def check(self) -> int:
        """Check that a goal could begin now; return how often ``~/stop`` was called so far.

        Raises:
            Refused: No goal can begin; the message says why.
        """
        if not self.active:
            raise Refused(INACTIVE.code, INACTIVE.message)
        if why := self._commands.refuses:
            raise Refused(ErrorCode.COMMAND_TOPIC, why)
        if why := self._inputs.stops:
            raise Refused(ErrorCode.INPUT_TOPIC, why)
        self._loop.check_start(time.monotonic())
        return self._loop.stops

    def read(self, request: Any) -> GoalRequest:
        """Read a ``ReachGoal`` goal; may run in another thread.

        Raises:
            Refused: An observation or a number cannot be used.
        """
        timeout, sub_goals = duration_to_seconds(request.timeout), request.sub_goals
        if not 0 <= timeout <= MAX_TIMEOUT:
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"timeout is {timeout:g} s: it must lie between 0 and {MAX_TIMEOUT:g} s",
            )
        if len(sub_goals) > MAX_SUB_GOALS:
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"{len(sub_goals)} sub-goals were given, at most {MAX_SUB_GOALS} are allowed: "
                "send them as several goals",
            )
        named = [(f"sub-goal {i}", goal) for i, goal in enumerate(sub_goals)]
        goals = [self._read(what, goal) for what, goal in [*named, ("goal", request.goal)]]
        return GoalRequest(goals, timeout)

    def _read(self, what: str, message: Any) -> Goal:
        goal = self._reader.goal(what, message, self._inputs.camera.shape)
        if why := self._loop.contract.goal_violation(goal.observation):
            raise Refused(ErrorCode.CAMERA_CONTRACT, f"the {what} image: {why}")
        return goal

    def begin(self, request: GoalRequest) -> None:
        """Begin a goal that was read, and preempt one under way; call ``go`` next.

        Raises:
            Refused: The goal cannot start; a goal under way goes on.
        """
        now, steady = self._clock(), time.monotonic()
        self._loop.begin(request.goals, request.timeout, now, steady)
        self._inputs.observer.restart(steady)

    def go(self) -> None:
        """Report the goal that has begun, and request its first plan."""
        self._on_begin()
        self._loop.dispatch(self._clock(), time.monotonic())

    def cancel(self, status: Status) -> None:
        """End the goal under way."""
        self._loop.end(status, self._clock())
