"""What the node is made of while it is configured: inputs, worker, loop, goals, commands."""

from __future__ import annotations

import faulthandler
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from wm_planner_msgs.msg import PlanStatus

from wm_planner.config import Config, to_yaml
from wm_planner.control import Command, ControlLoop, ErrorCode, GoalSession, Pose, Refused, Status
from wm_planner.goal_library import GoalLibrary
from wm_planner.images.configured import image_policy
from wm_planner.models import load_spec
from wm_planner.ros import diagnostics
from wm_planner.ros.commands import CommandOutput
from wm_planner.ros.conversions import state_of
from wm_planner.ros.goal_server import GoalServer
from wm_planner.ros.goal_services import GoalServices
from wm_planner.ros.inputs import Inputs
from wm_planner.ros.observation_reader import ObservationReader
from wm_planner.ros.plan_once import PlanOnceService
from wm_planner.ros.plan_views import PlanViews
from wm_planner.ros.proprio_fields import proprio_fields
from wm_planner.ros.reporter import INACTIVE, Reporter
from wm_planner.ros.stop import StopServices
from wm_planner.worker import Planned, PlannerLink

WATCH_RATE = 20.0  # [Hz] how often the watchdogs look
STATUS_PERIOD = 1.0  # [s] between status messages when nothing happens
STDERR = 2  # its file descriptor
HANG = 5.0  # [s] a node that does nothing for so long is ended: it could not even stop the arm


class PlannerRuntime:
    """The configured planner, from configure to cleanup; it commands only while ``active``.

    Nothing blocks but the loading of the model: planning happens in the worker, its answers come
    back through a guard condition.

    Args:
        node: Carries the topics, services and timers.
        config: All settings.
        reporter: Told of all that happens.
        goals: The action, which outlives this.
        plan_once: The service, which does so too.
        goal_services: Those of stored goals, which do so too.
        interrupted: Asked while the model is loaded; True ends that.

    Raises:
        ConfigError, SpecError, LimitsError, WorkerError: What is wrong; all is closed again.
    """

    def __init__(
        self,
        node: Node,
        config: Config,
        reporter: Reporter,
        goals: GoalServer,
        plan_once: PlanOnceService,
        goal_services: GoalServices,
        interrupted: Callable[[], bool],
    ) -> None:
        self._node, self.config = node, config
        self._reporter, self._goals, self._plan_once = reporter, goals, plan_once
        self._goal_services = goal_services
        self.active = False
        self._closers: list[Callable[[], Any]] = [faulthandler.cancel_dump_traceback_later]
        try:
            self._start_planner(interrupted)
            self._open_topics()
            self._open_goals()
            self._open_timers()
        except BaseException:
            self.close()
            raise

    def _start_planner(self, interrupted: Callable[[], bool]) -> None:
        """Load the model in the worker, and make the loop around it."""
        config = self.config
        self.spec = spec = load_spec(
            config.model.directory,
            allow_unverified_statistics=config.model.allow_unverified_statistics,
        )
        proprio_fields(config.proprio, spec)  # says what is wrong before the model is loaded
        answers = self._node.create_guard_condition(self._on_answers)
        self._closers.append(partial(self._node.destroy_guard_condition, answers))
        self.link = PlannerLink(config, answers.trigger)
        self._closers.append(self.link.close)
        self.loop = ControlLoop(config, spec, self.link, self._command, self._on_step, self._on_end)
        self.link.start(interrupted)

    def _open_topics(self) -> None:
        node = self._node
        self._monitor = diagnostics.make_monitor()
        self.inputs = Inputs(
            node, self.config, self.spec, self._monitor, self._on_pose, self._on_image
        )
        self.commands = CommandOutput(
            node, self.config.commands, self.loop.commander.mapping, self.spec.action.frame
        )
        self._diagnostics = diagnostics.Diagnostics(node, self._monitor)
        self._views = PlanViews(node, self.spec, self.loop.commander.mapping)
        self._closers += [
            self.inputs.close,
            self.commands.close,
            self._diagnostics.close,
            self._views.close,
        ]

    def _open_goals(self) -> None:
        node, policy = self._node, image_policy(self.config.images)
        library = GoalLibrary(self.config.goals.directory)
        self._reader = ObservationReader(self.spec, policy, library, self.inputs.seen)
        self._goals.open(
            self.loop,
            self._reader,
            self.inputs,
            check=self._check_active,
            on_begin=self._on_begin,
        )
        self._plan_once.open(self.link, self._reader, self.spec, self._why_busy)
        self._closers += [self._goals.close, self._plan_once.close]
        self._goal_services.open(self._reader, self.spec)
        self._closers += [
            self._goal_services.close,
            StopServices(node, self.loop, self._tell_ready).close,
        ]

    def _open_timers(self) -> None:
        node, steady = self._node, Clock(clock_type=ClockType.STEADY_TIME)
        self._command_timer, *others = [
            node.create_timer(period, callback, clock=steady)
            for period, callback in (
                (1 / self.config.commands.rate, self._on_command_time),
                (1 / WATCH_RATE, self._on_watch_time),
                (STATUS_PERIOD, self._on_slow_time),
            )
        ]
        for timer in (self._command_timer, *others):
            self._closers.append(partial(node.destroy_timer, timer))

    def close(self) -> None:
        """Destroy everything, newest first."""
        while self._closers:
            self._closers.pop()()

    # From the lifecycle and the parameters.

    def activate(self) -> None:
        """Take goals from now on, unless ``~/stop`` was called."""
        self.active = True
        self._tell_ready()
        self._expect_life()

    def deactivate(self, outcome: Status) -> None:
        """Hold, end the goal and take no more; nothing is sent to the arm afterward."""
        if self.active:
            faulthandler.cancel_dump_traceback_later()
            self.loop.end(outcome, self._now())
            self.loop.commander.finish(self._now())
            self.active = False
            self._reporter.tell(PlanStatus.INACTIVE, outcome)

    def check(self, config: Config) -> None:
        """See whether other settings of session, limits and goals could be used now.

        Raises:
            ValueError: They could not: why.
        """
        if self.loop.session:
            raise ValueError("a goal is under way: end it first")
        if self.loop.commander.stopping:
            raise ValueError("the arm is coming to rest: ask again in a moment")
        self.loop.commander.check(config.limits)
        GoalLibrary(config.goals.directory)
        to_yaml(config)

    def apply(self, config: Config) -> None:
        """Use settings that ``check`` agreed to."""
        self.config = config
        self.loop.apply(config)
        self.inputs.apply(config)
        self._reader.library = GoalLibrary(config.goals.directory)
        self._reporter.config(config)

    # What comes in: poses, images, answers, time.

    def _on_pose(self, pose: Pose) -> None:
        self.loop.on_pose(pose, self._now())

    def _on_image(self) -> None:
        if self._shows_new():
            self.loop.on_image(time.monotonic())
        self._dispatch()

    def _shows_new(self) -> bool:
        """Whether the image that came could be of now, and be planned from.

        A frozen camera repeats an older one; some models need the robot's state with it.
        """
        if not (self.loop.session and self.loop.pose):
            return True
        if (observation := self.inputs.observation()) is None:
            return False
        scene, stamp = observation
        return self.inputs.contract.observe(scene, stamp, self.loop.pose.position)

    def _dispatch(self) -> None:
        """Plan from the newest scene, if the planner is free and wants it."""
        observation, now = self.inputs.observation(), self._now()
        if observation is None or not self.loop.wants(observation[1], now):
            return
        self.inputs.taken()
        scene, stamp = observation
        if why := self.inputs.contract.stops(scene):
            self.loop.end(Status(ErrorCode.CAMERA_CONTRACT, why), now)
        else:
            self.loop.plan(scene, stamp, time.monotonic(), imagine=self._views.imagine)

    def _on_answers(self) -> None:
        now = self._now()
        for answer in self.link.drain():
            if self._plan_once.take(answer):
                continue
            if isinstance(answer, Planned):
                self.inputs.contract.latent_score = answer.latent_score
                sent = self.loop.commander.sent
                self.loop.on_planned(answer, now, time.monotonic())
                if self.loop.commander.sent > sent:
                    self._command_timer.reset()  # the next command is due in a period
                continue
            self.loop.on_failed(answer, now)
            if self.loop.session and answer.restarting:
                waiting = Status(ErrorCode.WORKER_LOST, f"holding: {self.link.problem}")
                self._reporter.tell(PlanStatus.HOLDING, waiting)
        self._dispatch()
        self.link.serve_waiting()

    def _on_command_time(self) -> None:
        waiting = self.loop.waiting
        self.loop.command(self._now(), time.monotonic())
        if self.loop.waiting and not waiting:
            self._reporter.tell(PlanStatus.HOLDING, self.loop.waiting)

    def _on_watch_time(self) -> None:
        self.link.watch()
        observer, steady = self.inputs.observer, time.monotonic()
        self.loop.watch(self._now(), steady, observer.good_steady)
        observer.match_publishers(anew=self.loop.session is None)
        if why := observer.stateless(steady):
            self.loop.end(Status(ErrorCode.NO_POSE, why), self._now())
        elif why := self.commands.stops:
            self.loop.end(Status(ErrorCode.COMMAND_TOPIC, why), self._now())

    def _expect_life(self) -> None:
        """End the process, and say where it hangs, if this is not called again in time.

        Fast DDS can loop for ever in ``take`` (docs/architecture.md), in the interpreter's only
        thread; then no Python runs that could do something about it.
        """
        if self.active and self.config.worker.mode != "inline":
            faulthandler.dump_traceback_later(HANG, exit=True, file=STDERR)

    def _on_slow_time(self) -> None:
        self._expect_life()
        self._reporter.publish()
        self._diagnostics.publish(self, self._reporter.outcome.message)

    # Goals.

    def _check_active(self) -> None:
        if not self.active:
            raise Refused(INACTIVE.code, INACTIVE.message)
        if why := self.commands.refuses:
            raise Refused(ErrorCode.COMMAND_TOPIC, why)

    def _why_busy(self) -> str:
        """Why no plan of its own can be made now, or an empty string."""
        return "a goal is under way, whose plans it would delay" if self.loop.session else ""

    def _on_begin(self) -> None:
        self.inputs.observer.restart(time.monotonic())
        self._reporter.begin()
        self._dispatch()

    def _on_step(self, session: GoalSession, plan: Planned) -> None:
        image_age = self._now() - plan.stamp
        self._diagnostics.planned(plan)
        self._goals.step(session, plan, image_age)
        self._reporter.step(plan, image_age)
        self._views.show(plan, self.loop.commander.told_at(plan.stamp))

    def _on_end(self, goal_id: int, session: GoalSession, now: float) -> None:
        self._command_timer.reset()  # the first command of the stop has left
        outcome = self._goals.end(goal_id, session, now)
        self._reporter.tell(state_of(outcome), outcome)

    def _tell_ready(self) -> None:
        """Say whether goals are taken, now that none is under way."""
        if self.active:
            self._reporter.ready(stopped=self.loop.stopped)

    # What goes out.

    def _command(self, command: Command) -> None:
        self.commands.publish(command)
        self._diagnostics.commanded(self._now())

    def _now(self) -> float:
        """ROS time [s]."""
        return float(self._node.get_clock().now().nanoseconds * 1e-9)
