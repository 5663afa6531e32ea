"""Requests to the planner, awaited by the page."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from action_msgs.srv import CancelGoal
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import ParameterDescriptor
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    ListParameters,
    SetParametersAtomically,
)
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python
from std_srvs.srv import Trigger
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.srv import ListGoals, SaveGoal

from wm_planner.cockpit.known import Known
from wm_planner.message_limits import MAX_PARAMETERS
from wm_planner.ros.parameters import ALWAYS, LIVE
from wm_planner.ros.ros_time import seconds_to_duration
from wm_planner.text import one_line

OWN_STOP = "Use the arm's emergency stop."
PATIENCE = 5.0
"""Time for an answer [s]."""
AGAIN = 1.0
"""Time after which a request that may be repeated is sent again [s]: an answer can be lost while
the middleware still matches both ends."""
RELOAD = 150.0
"""Time for a transition of the lifecycle, which may load the model [s]."""
REJECTED = "goal rejected:"
"""How the planner begins the sentence on a goal that it rejects."""
POLL = 0.02
"""Time between two looks for a service [s]."""


@dataclass(frozen=True)
class Answer:
    """The answer to a request.

    Attributes:
        done: Whether it was done.
        text: A sentence.
    """

    done: bool
    text: str


@dataclass(frozen=True)
class Setting:
    """A setting that may change while the planner runs.

    Attributes:
        name: Its dotted name.
        value: Its present value.
        descriptor: Its description, range and choices.
    """

    name: str
    value: Any
    descriptor: ParameterDescriptor

    @property
    def choices(self) -> list[str]:
        """The values that it may have; empty if they are not listed."""
        words = self.descriptor.additional_constraints
        return words.removeprefix("one of: ").split(", ") if words.startswith("one of: ") else []

    @property
    def range(self) -> tuple[float, float] | None:
        """Its lowest and highest value."""
        for found in (*self.descriptor.floating_point_range, *self.descriptor.integer_range):
            return found.from_value, found.to_value
        return None


class NoAnswerError(RuntimeError):
    """The planner does not answer; the message says what was asked."""


class PlannerCalls:
    """Clients of the planner's services and of its action, for coroutines of an event loop.

    The node is spun in another thread.

    Args:
        node: Carries the clients.
        planner: Full name of the planner's node.
        known: Has the status in which the planner says why it rejected a goal.
    """

    def __init__(self, node: Node, planner: str, known: Known) -> None:
        self._node, self._planner, self._known = node, planner, known

        def client(kind: Any, name: str) -> Any:
            return node.create_client(kind, f"{planner}/{name}")

        self._stop, self._release = client(Trigger, "stop"), client(Trigger, "release")
        self._list, self._save = client(ListGoals, "list_goals"), client(SaveGoal, "save_goal")
        self._names = client(ListParameters, "list_parameters")
        self._describe = client(DescribeParameters, "describe_parameters")
        self._get = client(GetParameters, "get_parameters")
        self._set = client(SetParametersAtomically, "set_parameters_atomically")
        self._change_state = client(ChangeState, "change_state")
        self._get_state = client(GetState, "get_state")
        self._cancel = client(CancelGoal, "reach_goal/_action/cancel_goal")
        self._reach = ActionClient(node, ReachGoal, f"{planner}/reach_goal")

    async def stop(self) -> Answer:
        """Stop the arm, end the goal and refuse others."""
        try:
            return await self._trigger(self._stop)
        except NoAnswerError as error:
            return Answer(False, f"STOP NOT CONFIRMED: {error}. {OWN_STOP}")

    async def release(self) -> Answer:
        """Let the planner accept goals again."""
        try:
            return await self._trigger(self._release)
        except NoAnswerError as error:
            return Answer(False, str(error))

    async def _trigger(self, client: Any) -> Answer:
        answer = await self._ask(client, Trigger.Request())
        return Answer(bool(answer.success), one_line(answer.message))

    async def cancel(self) -> Answer:
        """Cancel whatever goal is pursued, also one of another client."""
        try:
            # A goal without an identifier and a stamp stands for all (action_msgs/CancelGoal).
            answer = await self._ask(self._cancel, CancelGoal.Request())
        except NoAnswerError as error:
            return Answer(False, str(error))
        count = len(answer.goals_canceling)
        return Answer(count > 0, "the goal is canceled" if count else "no goal is pursued")

    async def send(self, goal: Any, sub_goals: Sequence[Any], timeout: float) -> Answer:
        """Send a goal by way of sub-goals; return whether it was accepted.

        Args:
            goal: A ``wm_planner_msgs/Goal``.
            sub_goals: The like, in their order.
            timeout: ROS time allowed [s]; 0: the configured one.
        """
        if not self._reach.server_is_ready():
            return Answer(False, self._absent())
        request = ReachGoal.Goal(goal=goal, sub_goals=list(sub_goals))
        request.timeout = seconds_to_duration(timeout)
        before = self._known.status
        # In the node's thread, because an answer can be faster than the client's own bookkeeping.
        sending = self._node.executor.create_task(self._reach.send_goal_async, request)
        if not await _any_done([sending], PATIENCE):
            sending.cancel()
            return Answer(False, "the cockpit's node is too busy: the goal was not sent")
        sent = sending.result()
        if not await _any_done([sent], PATIENCE):
            sent.add_done_callback(_cancel_late)
            return Answer(
                False,
                f"{self._planner} did not answer within {PATIENCE:.0f} s; if it still accepts the "
                "goal, the goal is canceled",
            )
        handle = sent.result()
        if handle.accepted:
            return Answer(True, "the goal is accepted")
        return Answer(False, await self._rejection(before))

    async def goals(self) -> tuple[list[str], str]:
        """Return the names of the stored goals, and why there are none."""
        try:
            answer = await self._ask(self._list, ListGoals.Request())
        except NoAnswerError as error:
            return [], str(error)
        return [one_line(name) for name in answer.names], one_line(answer.message)

    async def save(self, name: str, goal: Any, *, overwrite: bool) -> Answer:
        """Store a goal under a name: that of a ``wm_planner_msgs/Goal``, or the present view."""
        request = SaveGoal.Request(name=name, goal=goal, overwrite=overwrite)
        try:
            answer = await self._ask(self._save, request, again=False)
        except NoAnswerError as error:
            return Answer(False, str(error))
        stored = f"the goal is stored as {name}"
        return Answer(bool(answer.success), stored if answer.success else one_line(answer.message))

    async def settings(self) -> list[Setting]:
        """Return the settings that may change while the planner runs, in alphabetical order.

        Raises:
            NoAnswerError: The planner does not answer.
        """
        prefixes = [prefix.rstrip(".") for prefix in LIVE]
        request = ListParameters.Request(prefixes=prefixes, depth=0)
        answer = await self._ask(self._names, request)
        names = sorted({*answer.result.names, *ALWAYS})
        found: list[Setting] = []
        for i in range(0, len(names), MAX_PARAMETERS):
            some = names[i : i + MAX_PARAMETERS]
            described = await self._ask(self._describe, DescribeParameters.Request(names=some))
            got = await self._ask(self._get, GetParameters.Request(names=some))
            values = [parameter_value_to_python(value) for value in got.values]
            parts = zip(some, values, described.descriptors, strict=False)
            found += [Setting(*part) for part in parts]
        return [setting for setting in found if not setting.descriptor.read_only]

    async def change(self, values: Mapping[str, Any]) -> Answer:
        """Change settings, all or none."""
        parameters = [Parameter(name, value=v).to_parameter_msg() for name, v in values.items()]
        request = SetParametersAtomically.Request(parameters=parameters)
        try:
            answer = await self._ask(self._set, request)
        except NoAnswerError as error:
            return Answer(False, str(error))
        changed = ", ".join(f"{name} to {value}" for name, value in values.items())
        if answer.result.successful:
            return Answer(True, one_line(f"changed {changed}"))
        return Answer(False, one_line(answer.result.reason))

    async def restart_with(self, values: Mapping[str, Any]) -> Answer:
        """Change settings that take effect when the planner is configured.

        The planner is deactivated, which stops the arm, cleaned up, and configured again: with the
        settings as they were if it refuses the new ones. In the end it is active if it was.
        """
        if self._known.setting("limits.locked", True):
            return Answer(
                False,
                f"{', '.join(values)} cannot change while the planner runs, because limits.locked "
                "is set: start the planner again with the new value",
            )
        self._known.busy = f"{self._planner} is being configured"
        try:
            return await self._restart(values)
        except NoAnswerError as error:
            return Answer(False, f"{error}. Its state is not known: see its status")
        finally:
            self._known.busy = ""

    async def _restart(self, values: Mapping[str, Any]) -> Answer:
        state = (await self._ask(self._get_state, GetState.Request())).current_state.id
        if state == State.PRIMARY_STATE_ACTIVE:
            steps = [Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP]
        elif state == State.PRIMARY_STATE_INACTIVE:
            steps = [Transition.TRANSITION_CLEANUP]
        else:
            return await self.change(values)
        for step in steps:
            if not await self._transition(step):
                left = "; it is inactive now" if step == Transition.TRANSITION_CLEANUP else ""
                return Answer(
                    False, f"the planner could not be taken down: no setting was changed{left}"
                )
        answer = await self.change(values)
        back = [Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE][: len(steps)]
        for step in back:
            if not await self._transition(step):
                missing = "configure, then " if step == Transition.TRANSITION_CONFIGURE else ""
                return Answer(
                    False,
                    "the planner could not be started again; its status says why. When that is "
                    f"mended: ros2 lifecycle set {self._planner} {missing}activate",
                )
        return answer

    async def _transition(self, transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        answer = await self._ask(self._change_state, request, RELOAD, again=False)
        return bool(answer.success)

    async def _rejection(self, before: Any) -> str:
        """Return why a goal was rejected, which the planner says in a status."""
        until = time.monotonic() + AGAIN
        while time.monotonic() < until:
            status = self._known.status
            if status is not before and status and status.message.startswith(REJECTED):
                return one_line(status.message)
            await asyncio.sleep(0.02)
        # A later status may have come before it was looked at; the reason stays in its warnings.
        warnings = self._known.status.warnings if self._known.status else ()
        said = [one_line(text) for text in warnings if text.startswith(REJECTED)]
        return said[0] if said else "the goal was rejected: see the planner's status"

    async def _ask(
        self, client: Any, request: Any, timeout: float | None = None, *, again: bool = True
    ) -> Any:
        """Return the answer to a request, which is sent as soon as the service is there.

        Args:
            client: Client of the service.
            request: The request.
            timeout: Time allowed [s]; None: ``PATIENCE``.
            again: Whether it may be sent twice; then the first answer counts.

        Raises:
            NoAnswerError: There is no service or no answer within the time.
        """
        timeout = PATIENCE if timeout is None else timeout
        until = time.monotonic() + timeout
        while not client.service_is_ready():  # as right after the start of either end
            if time.monotonic() > until:
                raise NoAnswerError(self._absent())
            await asyncio.sleep(POLL)
        sent = [client.call_async(request)]
        try:
            first = AGAIN if again else until - time.monotonic()
            if not await _any_done(sent, first) and again:
                sent.append(client.call_async(request))
                await _any_done(sent, until - time.monotonic())
            for future in sent:
                if future.done():
                    return future.result()
        finally:
            for future in sent:
                future.cancel()  # otherwise the client would keep it
        raise NoAnswerError(
            f"{self._planner} did not answer within {timeout:.0f} s ({client.srv_name})"
        )

    def _absent(self) -> str:
        return f"no planner named {self._planner} can be reached (is it running?)"


def _cancel_late(sent: Any) -> None:
    """Cancel a goal that was accepted after nobody waited for it any more."""
    handle = sent.result()
    if handle is not None and handle.accepted:
        handle.cancel_goal_async()


async def _any_done(futures: Sequence[Any], timeout: float) -> bool:
    """Wait until the node's thread has completed one of rclpy's futures, or a time [s] is over."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for future in futures:
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(done.set))
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(done.wait(), max(timeout, 0.0))
    return any(future.done() for future in futures)
