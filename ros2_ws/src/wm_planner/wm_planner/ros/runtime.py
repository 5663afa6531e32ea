"""The planner runtime: what exists while the node is configured, and how it is connected."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from wm_planner_msgs.msg import PlanStatus

from wm_planner.camera_contract import CameraContract
from wm_planner.config import Config, ConfigError
from wm_planner.control import ControlLoop, ErrorCode, GoalSession, Status
from wm_planner.control.action_mapping import command_mapping, commanded_joints
from wm_planner.control.loop import WATCH_RATE
from wm_planner.control.stop_record import StopRecord
from wm_planner.goal_library import GoalLibrary
from wm_planner.images import ImagePolicy
from wm_planner.models import load_spec
from wm_planner.ros.command_output import CommandOutput
from wm_planner.ros.diagnostics import Diagnostics
from wm_planner.ros.goal_host import GoalHost
from wm_planner.ros.goal_reader import GoalReader
from wm_planner.ros.goal_server import GoalServer
from wm_planner.ros.goal_services import GoalServices
from wm_planner.ros.gripper_output import ACTIONS, find_action, gripper_output
from wm_planner.ros.hang_watch import HangWatch
from wm_planner.ros.inputs import Inputs
from wm_planner.ros.lag_log import LagLog
from wm_planner.ros.plan_once import PlanOnceService
from wm_planner.ros.plan_views import PlanViews
from wm_planner.ros.proprio_fields import proprio_fields
from wm_planner.ros.rates import RateMonitor
from wm_planner.ros.report_messages import state_after
from wm_planner.ros.robot_description import read_arm
from wm_planner.ros.ros_time import now
from wm_planner.ros.snapshot import Snapshot, take_snapshot
from wm_planner.ros.status_publisher import StatusPublisher
from wm_planner.ros.stop_services import StopServices
from wm_planner.types import Command, Observation, Pose
from wm_planner.worker import Planned, PlannerLink

STATUS_PERIOD = 1.0  # [s] between status messages if nothing happens


class PlannerRuntime:
    """The configured planner, from configure to cleanup; it sends commands only while ``active``.

    It creates the parts and passes data from one to the next: observations and poses from
    ``inputs`` to ``loop``, plans from ``link`` to ``loop``, commands from ``loop`` to ``commands``.
    Only loading the model blocks; the worker plans, and its answers trigger a guard condition.

    Args:
        node: Carries topics, services and timers.
        config: All settings.
        status: Publishes the state of the planner.
        goals: The action, which outlives the runtime.
        plan_once: The service for single plans, which outlives it too.
        goal_services: The services for stored goals, which outlive it too.
        interrupted: Called while the model is loaded; returns whether to give up.
        stopped: A stop from before, which was not released.

    Raises:
        ConfigError, SpecError, LimitsError, WorkerError: The node cannot be configured; everything
            that was opened is closed again.
    """

    def __init__(
        self,
        node: Node,
        config: Config,
        status: StatusPublisher,
        goals: GoalServer,
        plan_once: PlanOnceService,
        goal_services: GoalServices,
        interrupted: Callable[[], bool],
        stopped: StopRecord | None = None,
    ) -> None:
        self._node, self.config = node, config
        self._status, self._goals, self._plan_once = status, goals, plan_once
        self._goal_services = goal_services
        self._hang_watch = HangWatch(enabled=config.worker.mode != "inline")
        self._closers: list[Callable[[], Any]] = [self._hang_watch.rest]
        try:
            self._start_planner(interrupted)
            self.loop.stopped = stopped
            self._open_topics()
            self._open_goals()
            self._open_timers()
        except BaseException:
            self.close()
            raise

    def _start_planner(self, interrupted: Callable[[], bool]) -> None:
        """Create the control loop, and load the model in the worker."""
        config = self.config
        if not config.model.directory:
            raise ConfigError(
                "model.directory is not set: give the directory of a model, with model:=… to "
                "ros2 launch or -p model.directory:=… to the node"
            )
        self.spec = spec = load_spec(
            config.model.directory,
            allow_unverified_statistics=config.model.allow_unverified_statistics,
        )
        proprio_fields(config.proprio, spec)  # raises before the model is loaded
        command = command_mapping(spec, config.commands)
        if command.gripper and config.gripper.type in ACTIONS:
            find_action(config.gripper.type)
        self.arm = read_arm(self._node, config, spec.action.frame, interrupted)
        self._joints = commanded_joints(config.commands, command, self.arm)
        joints = bool(command.joints)
        contract = CameraContract(spec.views, spec.image, config.camera, joints=joints)
        answers = self._node.create_guard_condition(self._on_answers)
        self._closers.append(partial(self._node.destroy_guard_condition, answers))
        self.link = PlannerLink(config, answers.trigger)
        self._closers.append(self.link.close)
        self.loop = ControlLoop(config, spec, self.link, contract, self, self.arm)
        self._closers.append(self.loop.commander.close)
        for sentence in self.loop.commander.gate.unchecked:
            self._node.get_logger().warning(sentence)
        self.link.start(interrupted)

    def _open_topics(self) -> None:
        node, config, actions = self._node, self.config, self.loop.commander.actions
        permission, command, rates = self.loop.permission, actions.command, RateMonitor()
        self.inputs = Inputs(node, config, self.spec, command, permission, rates, self, self.arm)
        self._closers.append(self.inputs.close)
        gripper = None
        if self.loop.commander.gripper and not config.commands.shadow:
            gripper = gripper_output(node, config.gripper, lambda: self.config.limits)
            self._closers.append(gripper.close)
        self.commands = CommandOutput(
            node,
            config.commands,
            self._joints,
            self.spec.action.frame,
            config.limits.max_speed,
            config.limits.max_angular_speed if command.rotation else 0.0,
            gripper,
        )
        self._closers.append(self.commands.close)
        self._diagnostics = Diagnostics(node, rates)
        self._closers.append(self._diagnostics.close)
        self._lag = LagLog(node, config.commands)
        self._views = PlanViews(node, self.spec, actions, self.arm)
        self._closers.append(self._views.close)

    def _open_goals(self) -> None:
        policy = ImagePolicy.from_config(self.config.images)
        library = GoalLibrary(self.config.goals.directory)
        grid = self.link.ready.token_grid if self.link.ready else None
        self._reader = GoalReader(self.spec, policy, library, self.inputs.latest, grid=grid)
        self._host = GoalHost(
            self.loop, self._reader, self.inputs, self.commands, self._now, self._on_begin
        )
        for part in (self._goals, self._plan_once, self._goal_services):
            self._closers.append(part.close)
        self._goals.open(self._host)
        self._plan_once.open(self.link, self._reader, self.spec, self._why_busy)
        self._goal_services.open(self._reader)
        self._closers.append(StopServices(self._node, self.loop, self._report_ready).close)

    def _open_timers(self) -> None:
        node, steady = self._node, Clock(clock_type=ClockType.STEADY_TIME)
        self._command_timer, *others = [
            node.create_timer(period, callback, clock=steady)
            for period, callback in (
                (1 / self.config.commands.rate, self._on_command_time),
                (1 / WATCH_RATE, self._on_watch_time),
                (STATUS_PERIOD, self._on_status_time),
            )
        ]
        for timer in (self._command_timer, *others):
            self._closers.append(partial(node.destroy_timer, timer))

    def close(self) -> None:
        """Destroy everything, newest first."""
        while self._closers:
            self._closers.pop()()

    # Called by the lifecycle and the parameters.

    def activate(self) -> None:
        """Accept goals from now on, unless ``~/stop`` was called."""
        self._host.active = True
        self._report_ready()
        self._hang_watch.alive()

    def deactivate(self, status: Status) -> None:
        """Stop the arm, end the goal and accept no more; nothing is sent to the arm afterward."""
        if self._host.active:
            self._hang_watch.rest()
            self.loop.end(status, self._now())
            self.loop.commander.finish(self._now())
            self._host.active = False
            self._status.change(PlanStatus.INACTIVE, status, self.snapshot())

    def check(self, config: Config, *, during_goal: bool) -> None:
        """Raise ValueError, with the reason, if other settings cannot be used now.

        Args:
            config: The settings.
            during_goal: Whether they differ only in what may change during a goal.
        """
        if during_goal:
            return
        if self.loop.session:
            raise ValueError("a goal is under way: end it first")
        if self.loop.commander.slowing:
            raise ValueError("the arm is coming to rest: try again in a moment")
        self.loop.commander.check(config.limits)
        self.link.check(config)

    def apply(self, config: Config) -> None:
        """Use settings that passed ``check``."""
        self.config = config
        self.loop.commander.time_scale.override = config.commands.speed_override / 100
        self._status.publish_config(config)
        if self.loop.session or self.loop.commander.slowing:
            return  # nothing else has changed
        self.loop.apply(config)
        self.link.apply(config)
        self.inputs.apply(config)

    def snapshot(self) -> Snapshot:
        """Return what status and diagnostics report now."""
        parts = self.loop, self.link, self.inputs, self.commands
        return take_snapshot(self.config, self.spec, *parts, self._lag)

    # Called by the inputs, the worker and the timers.

    def on_pose(self, pose: Pose) -> None:
        """Hand a measured pose to the loop."""
        self.loop.on_pose(pose, self._now())

    def on_width(self, width: float, steady: float) -> None:
        """Hand a measured width of the gripper to the loop."""
        if gripper := self.loop.commander.gripper:
            gripper.measure(width, steady)

    def on_observation(self, observation: Observation) -> None:
        """Hand an observation to the loop."""
        steady = time.monotonic()
        if self.loop.session is None:  # so that ~/status tells before a goal what would end it
            self.loop.contract.glance(observation, steady)
        self.loop.on_observation(observation, self._now(), steady)

    def on_contact(self, why: str) -> None:
        """Stop the arm at once; in shadow mode nobody moves it."""
        if not self.loop.commander.shadow:
            self.loop.end(Status(ErrorCode.CONTACT, why), self._now())

    def _on_answers(self) -> None:
        now, sent = self._now(), self.loop.commander.sent
        for answer in self.link.drain():
            if self._plan_once.take(answer):
                continue
            if isinstance(answer, Planned):
                self._check_publishers()  # right before a goal may count as reached
                self.loop.on_planned(answer, now, time.monotonic())
            else:
                self.loop.on_failed(answer, now)
        if self.loop.commander.sent > sent:
            self._command_timer.reset()  # the next command is due after a period
        self.loop.dispatch(self._now(), time.monotonic())
        self._views.pursue(self.loop)
        self.link.serve_waiting()

    def _on_command_time(self) -> None:
        self.loop.command(self._now(), time.monotonic())

    def _on_watch_time(self) -> None:
        self.link.watch()
        self._views.ask(self.loop.requests)
        observer, steady = self.inputs.observer, time.monotonic()
        if session := self.loop.session:
            session.image_problem, session.pose_problem = observer.problem, self.inputs.pose.problem
        self.loop.watch(self._now(), steady, observer.images_steady)
        observer.watch(resubscribe=self.loop.session is None)
        self.commands.watch()
        if why := observer.missing_proprio(steady):
            self.loop.end(Status(ErrorCode.NO_POSE, why), self._now())
        self._check_publishers()

    def _check_publishers(self) -> None:
        """End the goal under way if commands or inputs have a second publisher."""
        if self.loop.session is None:
            return
        if why := self.commands.stops:
            self.loop.end(Status(ErrorCode.COMMAND_TOPIC, why), self._now())
        elif why := self.inputs.stops:
            self.loop.end(Status(ErrorCode.INPUT_TOPIC, why), self._now())

    def _on_status_time(self) -> None:
        if self._host.active:
            self._hang_watch.alive()
        snapshot = self.snapshot()
        if reason := self.loop.waiting:  # the sentence may have changed since its report
            self._status.change(PlanStatus.HOLDING, reason, snapshot)
        else:
            self._status.publish(snapshot)
        self._diagnostics.publish(snapshot, self._status.status.message)

    # Called by the loop.

    def on_command(self, command: Command) -> None:
        """Publish a command."""
        self.commands.publish(command)
        self._diagnostics.commanded()

    def on_step(self, session: GoalSession, plan: Planned) -> None:
        """Report a plan that the arm follows."""
        image_age = self._now() - plan.stamp
        self._diagnostics.planned(plan, image_age)
        self._goals.step(session, plan, image_age)
        self._status.step(plan, image_age, self.snapshot())
        self._views.show(session, plan, self.loop.commander.plan_start)

    def on_hold(self, status: Status) -> None:
        """Report that the arm holds."""
        self._status.change(PlanStatus.HOLDING, status, self.snapshot())

    def on_end(self, goal_id: int, session: GoalSession, now: float) -> None:
        """Report the end of a goal."""
        self._command_timer.reset()  # the first command of the stop was sent
        self._goals.end(goal_id, session, now)
        assert session.outcome
        self._status.change(state_after(session.outcome), session.outcome, self.snapshot())
        self._lag.judge(self.loop, session.outcome)

    def _on_begin(self) -> None:
        self._status.begin(self.snapshot())
        self._views.pursue(self.loop)

    def _report_ready(self) -> None:
        """Report whether goals are accepted; call it only if none is under way."""
        if self._host.active:
            self._status.ready(self.snapshot(), self.loop.stopped)

    def _why_busy(self) -> str:
        return "a goal is under way, and its plans would be delayed" if self.loop.session else ""

    def _now(self) -> float:
        return now(self._node)
