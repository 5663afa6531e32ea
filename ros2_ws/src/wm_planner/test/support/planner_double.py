"""A node with the planner's services and settings, whose answers a test decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.task import Future
from std_srvs.srv import Trigger
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import PlanStatus
from wm_planner_msgs.srv import ListGoals, SaveGoal

from wm_planner.config import Config
from wm_planner.ros.parameters import Parameters

FILES = Path(__file__).parents[2] / "config"
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
UNCONFIGURED, INACTIVE, ACTIVE = (
    State.PRIMARY_STATE_UNCONFIGURED,
    State.PRIMARY_STATE_INACTIVE,
    State.PRIMARY_STATE_ACTIVE,
)
STEPS = {
    (ACTIVE, Transition.TRANSITION_DEACTIVATE): INACTIVE,
    (INACTIVE, Transition.TRANSITION_CLEANUP): UNCONFIGURED,
    (UNCONFIGURED, Transition.TRANSITION_CONFIGURE): INACTIVE,
    (INACTIVE, Transition.TRANSITION_ACTIVATE): ACTIVE,
}


class PlannerDouble(Node):
    """A planner without a model; spin it in a thread.

    Args:
        context: Of the node.
        name: Of the node.
        settings: Given when it starts, by their dotted names.

    Attributes:
        held: Names of the requests that are answered only when a test completes their future.
        waiting: These futures, by name.
        state: Of the lifecycle.
        transitions: All that were asked for, in their order.
        refused: Transitions that fail.
        on_transition: Called at each.
        rejects: Whether goals are rejected.
        goals: The requests that came.
        canceled: Identifiers of the goals that were canceled.
    """

    def __init__(self, context: Context, name: str = "planner", **settings: Any) -> None:
        given = {"limits.locked": False, **settings}
        overrides = [Parameter(key, value=value) for key, value in given.items()]
        super().__init__(name, context=context, parameter_overrides=overrides)
        self.held: set[str] = set()
        self.waiting: dict[str, list[Future]] = {"stop": [], "goal": [], "change": [], "save": []}
        self.state, self.transitions, self.refused = ACTIVE, list[int](), set[int]()
        self.on_transition: Callable[[], None] = lambda: None
        self.rejects, self.goals, self.canceled = False, list[Any](), list[bytes]()
        self.status = self.create_publisher(PlanStatus, "~/status", LATCHED)
        self.parameters = Parameters(self, FILES)
        self._run()
        self._server: Any = None
        # rclpy looks at a coroutine that waits only when something else happens.
        self.create_timer(0.01, lambda: None, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def open(self) -> None:
        """Offer the services and the action."""
        services: list[tuple[type, str, Any]] = [
            (Trigger, "stop", self._on_stop),
            (Trigger, "release", self._on_release),
            (ListGoals, "list_goals", self._on_list),
            (SaveGoal, "save_goal", self._on_save),
            (GetState, "get_state", self._on_get_state),
            (ChangeState, "change_state", self._on_change_state),
        ]
        group = ReentrantCallbackGroup()
        for kind, name, callback in services:
            self.create_service(kind, f"~/{name}", callback, callback_group=group)
        self._server = ActionServer(
            self,
            ReachGoal,
            "~/reach_goal",
            lambda handle: ReachGoal.Result(),
            callback_group=group,
            goal_callback=self._on_goal,
            handle_accepted_callback=lambda handle: None,
            cancel_callback=self._on_cancel,
        )

    def begin_in(self, state: int) -> None:
        """Be in a state of the lifecycle."""
        self.state = state
        self._run()

    def close(self) -> None:
        """End the action's server, before the node."""
        if self._server:
            self._server.destroy()

    def check(self, config: Config, *, during_goal: bool) -> None:
        """Accept all settings that are possible (see ``parameters.Running``)."""

    def apply(self, config: Config) -> None:
        self.config = config

    def _run(self) -> None:
        """Let the settings be those of a planner in its state."""
        self.config = self.parameters.config()
        self.parameters.running = None if self.state == UNCONFIGURED else self

    async def _pass(self, name: str) -> None:
        """Wait for the test if it holds requests of this name."""
        answer = Future()
        self.waiting[name].append(answer)
        if name in self.held:
            await answer

    async def _on_stop(self, _: Any, response: Any) -> Any:
        number = len(self.waiting["stop"]) + 1
        await self._pass("stop")
        response.success, response.message = True, f"stopped by request {number}"
        return response

    def _on_release(self, _: Any, response: Any) -> Any:
        response.success, response.message = False, "not\nstopped"
        return response

    def _on_list(self, _: Any, response: Any) -> Any:
        response.names, response.message = ["cup", "lid\n"], "in /goals"
        return response

    async def _on_save(self, request: Any, response: Any) -> Any:
        await self._pass("save")
        response.success = request.overwrite
        response.message = "" if request.overwrite else f"there is a goal {request.name}"
        return response

    def _on_get_state(self, _: Any, response: Any) -> Any:
        response.current_state = State(id=self.state)
        return response

    async def _on_change_state(self, request: Any, response: Any) -> Any:
        step = request.transition.id
        self.transitions.append(step)
        self.on_transition()
        await self._pass("change")
        after = STEPS.get((self.state, step))
        response.success = after is not None and step not in self.refused
        if after is not None and response.success:
            self.state = after
            self._run()
        return response

    async def _on_goal(self, request: Any) -> Any:
        self.goals.append(request)
        await self._pass("goal")
        return GoalResponse.REJECT if self.rejects else GoalResponse.ACCEPT

    def _on_cancel(self, handle: Any) -> Any:
        self.canceled.append(bytes(handle.goal_id.uuid))
        return CancelResponse.ACCEPT
