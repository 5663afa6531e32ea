"""Where goals are checked, read and pursued while the node is configured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wm_planner.control import INACTIVE, ControlLoop, ErrorCode, Refused, Status
from wm_planner.ros.command_output import CommandOutput
from wm_planner.ros.inputs import Inputs
from wm_planner.ros.observation_reader import ObservationReader
from wm_planner.ros.ros_time import duration_to_seconds
from wm_planner.types import Observation

MAX_SUBGOALS = 16  # each may hold an image of 50 million pixels


@dataclass(frozen=True)
class GoalRequest:
    """A goal that was read and checked.

    Attributes:
        goals: The sub-goals in their order, and the goal as the last.
        tolerance: In typical distances; 0 for the configured one.
        timeout: ROS time allowed [s]; 0 for the configured one.
    """

    goals: list[Observation]
    tolerance: float
    timeout: float


class GoalHost:
    """Serves the goal server: it checks a goal, reads it, begins it, and cancels it.

    Args:
        loop: Pursues goals.
        reader: Reads the observations of goals.
        inputs: What the cameras show now.
        commands: Knows why no command can be sent.
        clock: Returns ROS time [s].
        on_begin: Called after a goal began.

    Attributes:
        active: Whether goals are accepted.
    """

    def __init__(
        self,
        loop: ControlLoop,
        reader: ObservationReader,
        inputs: Inputs,
        commands: CommandOutput,
        clock: Callable[[], float],
        on_begin: Callable[[], None],
    ) -> None:
        self._loop, self._reader, self._inputs, self._commands = loop, reader, inputs, commands
        self._clock, self._on_begin = clock, on_begin
        self.active = False

    def check(self) -> int:
        """Return how often the arm was stopped so far, if a goal could begin now.

        Raises:
            Refused: No goal can begin, and why.
        """
        if not self.active:
            raise Refused(INACTIVE.code, INACTIVE.message)
        if why := self._commands.refuses:
            raise Refused(ErrorCode.COMMAND_TOPIC, why)
        self._loop.check_start(time.monotonic())
        return self._loop.stops

    def read(self, request: Any) -> GoalRequest:
        """Read a ``ReachGoal`` goal; may run in another thread.

        Raises:
            Refused: An observation or a number cannot be used.
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
        named = [(f"sub-goal {i}", goal) for i, goal in enumerate(request.via)]
        goals = [self._read(what, goal) for what, goal in [*named, ("goal", request)]]
        return GoalRequest(goals, tolerance, timeout)

    def _read(self, what: str, message: Any) -> Observation:
        observation = self._reader.goal(what, message, self._inputs.camera.shape)
        if why := self._loop.contract.goal_violation(observation):
            raise Refused(ErrorCode.CAMERA_CONTRACT, f"the {what} image: {why}")
        return observation

    def begin(self, request: GoalRequest) -> None:
        """Begin a goal that was read; one under way is preempted. ``go`` follows.

        Raises:
            Refused: The goal cannot start; one under way goes on.
        """
        now, steady = self._clock(), time.monotonic()
        self._loop.begin(request.goals, request.tolerance, request.timeout, now, steady)
        self._inputs.observer.restart(steady)

    def go(self) -> None:
        """Report the goal that began, and request its first plan."""
        self._on_begin()
        self._loop.dispatch(self._clock(), time.monotonic())

    def cancel(self, status: Status) -> None:
        """End the goal under way."""
        self._loop.end(status, self._clock())
