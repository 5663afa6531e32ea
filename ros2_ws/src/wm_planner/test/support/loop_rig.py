"""A control loop without worker and robot, and a record of what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from wm_planner.camera_contract import CameraContract
from wm_planner.config import Config
from wm_planner.control import ControlLoop, GoalSession, Status
from wm_planner.models import ModelSpec
from wm_planner.types import Command, Goal, Observation, Pose
from wm_planner.worker import Planned, PlanRequest, Ready, SetGoal

POSE = Pose(np.array([0.5, 0.0, 0.3]), np.array([1.0, 0.0, 0.0, 0.0]), steady=0.0)
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 96, 96, 3), dtype=np.uint8)
OBSERVATIONS = [Observation((image,)) for image in IMAGES]


class Link:
    """Records the requests to a worker; idle while a test requests a plan."""

    def __init__(self) -> None:
        self.goals: list[SetGoal] = []
        self.ready: Ready | None = Ready("a link without a worker")
        self.problem = "the worker is gone"
        self.idle = False
        self.requests: list[PlanRequest] = []

    def set_goal(self, goal: SetGoal) -> None:
        self.goals.append(goal)

    def plan(self, request: PlanRequest) -> None:
        self.requests.append(request)


class LoopRig:
    """A loop that drives an arm at rest, and its commands and reports in order."""

    def __init__(self, spec: ModelSpec, config: Config | None = None) -> None:
        config = config or Config()
        config.limits.workspace_min, config.limits.workspace_max = [0.0, -1.0, 0.0], [1.0, 1.0, 1.0]
        self.link = Link()
        self.events: list[Any] = []
        self.commands: list[Command] = []
        self.seen = 0  # images by observe_change
        self.position, self.orientation = POSE.position, POSE.orientation
        self.outcome: Status | None = None
        link: Any = self.link
        contract = CameraContract(spec.views, spec.image, config.camera, joints=False)
        self.loop = ControlLoop(config, spec, link, contract, self)
        self.now, self.steady = 10.0, 0.0
        for _ in range(2):  # the second confirms the first
            self.pose()

    def on_command(self, command: Command) -> None:
        self.commands.append(command)
        self.events.append("stop" if command.stop else "command")

    def on_step(self, session: GoalSession, plan: Planned) -> None:
        self.events.append(("step", session.index))

    def on_hold(self, status: Status) -> None:
        self.events.append(("hold", status.code))

    def on_end(self, goal_id: int, session: GoalSession, now: float) -> None:
        assert session.outcome
        self.outcome = session.outcome
        self.events.append((goal_id, session.outcome.code))

    def begin(self, *observations: Observation, weights: Any = None) -> int:
        goals = [Goal(observation, weights=weights) for observation in observations]
        return self.loop.begin(goals, 0.0, self.now, self.steady)

    def step(
        self, distance: float, actions: ArrayLike = 0.001, move: float = 0.0, **plan: Any
    ) -> None:
        """Move the arm along each axis [m], plan once, and send the command that follows."""
        self.wait(0.1)
        self.position = self.position + move
        self.pose()
        self.request_plan()
        self.answer_plan(distance, actions, **plan)
        self.wait(0.02)
        self.command()

    def request_plan(self) -> None:
        self.link.idle, count = True, len(self.link.requests)
        self.observe()
        self.link.idle = False
        assert len(self.link.requests) == count + 1

    def answer_plan(
        self,
        distance: float = 0.5,
        actions: ArrayLike = 0.001,
        *,
        learned: bool = True,
        whole: float | None = None,
    ) -> None:
        goal, plan = self.loop.goal_id, np.full((5, max(3, np.size(actions))), actions)
        stamp = self.link.requests[-1].observation.stamp
        planned = Planned(goal, stamp, plan, distance, [1.0], "done", learned, 0.05)
        planned = replace(planned, whole_distance=whole)
        self.loop.on_planned(planned, self.now, self.steady)

    def command(self) -> None:
        self.loop.command(self.now, self.steady)

    def watch(self, after: float = 0.0) -> None:
        """Check the timeouts after a time [s], again because messages might have been unread."""
        for _ in range(2):
            self.loop.watch(self.now, self.steady + after, self.steady + after)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.steady += seconds

    def pose(self) -> None:
        pose = Pose(self.position, self.orientation, self.steady, self.now)
        self.loop.on_pose(pose, self.now)

    def observe(self) -> None:
        observation = replace(OBSERVATIONS[0], stamp=self.now)
        self.loop.on_observation(observation, self.now, self.steady)

    def observe_change(self) -> None:
        """Show another image each time, as the camera of an arm that moves does."""
        self.seen += 1
        observation = replace(OBSERVATIONS[self.seen % 2], stamp=self.now)
        self.loop.on_observation(observation, self.now, self.steady)

    def run(self, seconds: float, *inputs: Callable[[], None]) -> None:
        """Call the inputs and send a command 50 times a second."""
        for _ in range(round(seconds * 50)):
            self.wait(0.02)
            for give in inputs:
                give()
            self.command()
