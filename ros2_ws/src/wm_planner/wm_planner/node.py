"""The planner's ROS 2 node: wires camera, goals, planner, limits and commands together."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
from ament_index_python.packages import get_package_share_directory
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy._rclpy_pybind11 import RCLError
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import Trigger
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import PlanStatus

from wm_planner.config import ConfigError, to_yaml
from wm_planner.control import Code, ControlLoop, Outcome, Pose, Refused, Session
from wm_planner.images import conversion_path
from wm_planner.images.configured import image_policy
from wm_planner.models import SpecError, load_spec
from wm_planner.ros import diagnostics
from wm_planner.ros.camera import Camera
from wm_planner.ros.contract import CameraContract
from wm_planner.ros.goals import GoalError, SceneReader
from wm_planner.ros.parameters import Parameters
from wm_planner.ros.plan_once import PlanOnceService
from wm_planner.ros.pose import PoseInput, pose_message
from wm_planner.ros.status import (
    describe_plan,
    duration_to_seconds,
    feedback,
    result,
    seconds_to_time,
    state_of,
)
from wm_planner.worker import Planned, PlannerLink, Scene, Vector

WATCH_RATE = 20.0  # [Hz] how often the watchdogs look
STATUS_PERIOD = 1.0  # [s] between status messages when nothing happens
RESULT_TIMEOUT = 60  # [s] how long a goal's picture and result are kept after its end
INACTIVE = Outcome(Code.NOT_ACTIVE, "the node is not active: configure and activate it")


class PlannerNode(LifecycleNode):
    """A lifecycle node: configure loads the model, activate opens the loop.

    Deactivating tells the arm to hold first. Nothing blocks but the loading of the model: planning
    happens in the worker's process, its answers come back through a guard condition.

    Args:
        **kwargs: As for ``rclpy.node.Node``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("wm_planner", **kwargs)
        share = Path(get_package_share_directory("wm_planner"))
        self._settings = Parameters(self, share / "config", self._why_locked)
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        # Latched, so that whoever comes later still reads the last word.
        latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._status_publisher = self.create_publisher(PlanStatus, "~/status", latched)
        self._config_publisher = self.create_publisher(String, "~/config", latched)
        self._plan_once = PlanOnceService(self)
        self._opened: list[Callable[[], Any]] = []
        self.finalized = False
        self._configured = self._active = False
        self._state, self._outcome = PlanStatus.INACTIVE, INACTIVE
        self._rejection = ""
        self._plan: Planned | None = None
        self._image_age = math.nan

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters, load the model, open the topics; nothing moves yet."""
        try:
            self._config = config = self._settings.config()
            self._spec = load_spec(
                config.model.directory,
                allow_unverified_statistics=config.model.allow_unverified_statistics,
            )
            if self._spec.proprio.names:
                raise SpecError(
                    f"model {self._spec.name} needs proprio ({', '.join(self._spec.proprio.names)})"
                    ", which this version of the node does not read yet"
                )
            answers = self.create_guard_condition(self._on_answers)
            self._opened.append(lambda: self.destroy_guard_condition(answers))
            self._link = PlannerLink(config, answers.trigger)
            self._opened.append(self._link.close)
            self._loop = ControlLoop(
                config, self._spec, self._link, self._command, self._on_step, self._on_end
            )
            self._link.start()
            self._open()
        except Exception as error:  # rclpy would swallow it; whatever it is, the user must know
            self.get_logger().error(f"not configured: {error}")
            self._close()
            self._tell(PlanStatus.INACTIVE, Outcome(Code.NOT_ACTIVE, f"not configured: {error}"))
            return TransitionCallbackReturn.FAILURE
        self._configured = True
        assert self._link.ready
        settings = to_yaml(config)
        self.get_logger().info(f"pictures: {conversion_path()}")
        self.get_logger().info(f"{self._link.ready.description}; settings:\n{settings}")
        self._config_publisher.publish(String(data=settings))
        for warning in self._link.ready.warnings:
            self.get_logger().warning(warning)
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take goals from now on."""
        self._active = True
        self._tell(PlanStatus.IDLE, Outcome(Code.NONE, "ready for a goal"))
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Hold the arm and end the goal; nothing is sent to the arm afterwards."""
        self.hold_and_stop(Outcome(Code.NOT_ACTIVE, "the node was deactivated"))
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unload the model and close the topics."""
        self._close()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From any state: hold and end the goal; ``main`` then ends the process."""
        self.hold_and_stop(Outcome(Code.NOT_ACTIVE, "the node was shut down"))
        self.finalized = True
        return TransitionCallbackReturn.SUCCESS

    def _open(self) -> None:
        """Create every topic, service and timer of the configured node."""
        config = self._config
        self._goals: dict[int, tuple[Any, Future]] = {}
        policy = image_policy(config.images)
        self._reader = SceneReader(self._spec, policy, config.goals.directory)
        self._contract = CameraContract(self._spec, config.camera)
        self._camera = Camera(self, config.images, config.session.image_timeout, self._dispatch)
        self._pose = pose = PoseInput(self, self._spec.action.frame, self._on_pose)
        self._command_publisher = self.create_publisher(PoseStamped, "command", 10)
        self._diagnostics_publisher = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        server = ActionServer(
            self, ReachGoal, "~/reach_goal", self._execute,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel,
            result_timeout=RESULT_TIMEOUT,
        )  # fmt: skip
        self._plan_once.open(self._link, self._reader, self._spec)
        stop = self.create_service(Trigger, "~/stop", self._on_stop)
        timers = [
            self.create_timer(1 / config.commands.rate, self._on_command_time, clock=self._steady),
            self.create_timer(1 / WATCH_RATE, self._on_watch_time, clock=self._steady),
            self.create_timer(STATUS_PERIOD, self._on_slow_time, clock=self._steady),
        ]
        self._opened += [
            self._camera.close,
            pose.close,
            lambda: self.destroy_publisher(self._command_publisher),
            lambda: self.destroy_publisher(self._diagnostics_publisher),
            server.destroy,
            self._plan_once.close,
            lambda: self.destroy_service(stop),
            *(lambda t=timer: self.destroy_timer(t) for timer in timers),
        ]

    def destroy_node(self) -> None:
        """End the worker too."""
        self._close()
        super().destroy_node()

    def _close(self) -> None:
        """Destroy what ``on_configure`` made, newest first."""
        self._configured = False
        while self._opened:
            self._opened.pop()()

    def hold_and_stop(self, outcome: Outcome) -> None:
        """Hold, end the goal and take no more."""
        if self._active:
            self._loop.end(outcome, self._now())
            self._active = False
            self._tell(PlanStatus.INACTIVE, outcome)

    # What comes in: poses, pictures, answers, time.

    def _on_pose(self, pose: Pose) -> None:
        self._loop.on_pose(pose, self._now())

    def _dispatch(self) -> None:
        """Plan from the newest picture, if the planner is free and wants it."""
        frame, now = self._camera.newest, self._now()
        if frame is None or not self._loop.wants(frame.stamp, now):
            return
        self._camera.taken()
        assert self._loop.pose
        where = self._loop.pose.position
        if why := self._contract.stops(frame.picture, frame.stamp, where, time.monotonic()):
            self._loop.end(Outcome(Code.CAMERA_CONTRACT, why), now)
        else:
            self._loop.plan(Scene(frame.picture), frame.stamp)

    def _on_answers(self) -> None:
        if not self._configured:
            return
        now = self._now()
        for answer in self._link.drain():
            if self._plan_once.take(answer):
                continue
            if isinstance(answer, Planned):
                self._contract.latent_score = answer.latent_score
                self._loop.on_planned(answer, now)
            else:
                self._loop.on_failed(answer, now)
        self._dispatch()
        self._link.serve_waiting()

    def _on_command_time(self) -> None:
        self._loop.command(self._now())

    def _on_watch_time(self) -> None:
        self._link.watch()
        self._loop.watch(self._now(), time.monotonic(), self._camera.good_steady)
        if self._loop.session is None:  # subscribing anew would cost pictures of a goal
            self._camera.match_publisher()

    def _on_slow_time(self) -> None:
        self._publish_status()
        camera, gate = self._camera, self._loop.gate.counters
        stops = [f.sentence for f in self._contract.findings if f.severity == "stop"]
        warns = [f.sentence for f in self._contract.findings if f.severity == "warn"]
        lost = [] if self._link.ready else [self._link.problem]
        parts = [
            diagnostics.part(
                f"{self.get_name()}: camera",
                errors=[*([camera.problem] if camera.problem else []), *stops],
                warnings=warns,
                values={
                    "topic": camera.topic,
                    "pictures": camera.received,
                    "dropped": camera.dropped,
                    "conversion": conversion_path(),
                },
            ),
            diagnostics.part(
                f"{self.get_name()}: planner",
                errors=[*lost, *([self._pose.problem] if self._pose.problem else [])],
                warnings=self._link.ready.warnings if self._link.ready else [],
                values={
                    "state": self._outcome.message,
                    "plan time [s]": self._plan.plan_time if self._plan else math.nan,
                    "commands passed": gate.passed,
                    "commands clamped": gate.clamped,
                    "commands refused": gate.refused,
                },
            ),
        ]
        now = self.get_clock().now().to_msg()
        self._diagnostics_publisher.publish(diagnostics.array(now, parts))

    # Goals.

    def _on_goal(self, request: Any) -> GoalResponse:
        """Check a goal before it is accepted; a bad one leaves the goal under way alone."""
        try:
            if not self._active:
                raise Refused(INACTIVE)
            self._loop.check_start(time.monotonic())
            tolerance, timeout = request.tolerance, duration_to_seconds(request.timeout)
            if not 0 <= tolerance <= 1 or timeout < 0:
                raise GoalError(
                    Code.INVALID_GOAL,
                    f"tolerance {tolerance} must lie in [0, 1] and timeout {timeout} s must not "
                    "be negative",
                )
            self._next_scene = self._reader.read(
                "goal",
                image=request.image,
                compressed=request.compressed_image,
                name=request.goal_name,
                proprio=request.proprio,
                like=self._camera.shape,
            )
            if why := self._contract.refuses_goal(self._next_scene.image):
                raise GoalError(Code.CAMERA_CONTRACT, f"the goal picture: {why}")
        except (Refused, GoalError) as error:
            code = error.outcome.code if isinstance(error, Refused) else error.code
            self._rejection = f"goal rejected: {error}"
            self.get_logger().error(self._rejection)
            self._publish_status(Outcome(code, self._rejection))
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_accepted(self, handle: Any) -> None:
        """Start the goal that ``_on_goal`` checked a moment ago."""
        settings = (handle.request.tolerance, duration_to_seconds(handle.request.timeout))
        goal_id = self._loop.begin(self._next_scene, *settings, self._now(), time.monotonic())
        self._goals[goal_id] = handle, Future(executor=self.executor)
        handle.goal_number = goal_id
        self._contract.restart()
        self._plan, self._image_age = None, math.nan
        self._rejection = ""
        self._tell(PlanStatus.ACTIVE, Outcome(Code.NONE, "pursuing a goal"))
        handle.execute()
        self._dispatch()

    async def _execute(self, handle: Any) -> Any:
        """Wait for the goal's end and tell the client."""
        future = self._goals[handle.goal_number][1]
        message = await future
        del self._goals[handle.goal_number]
        if message.error_code == Code.NONE:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return message

    def _on_cancel(self, handle: Any) -> CancelResponse:
        if self._loop.session is None or handle.goal_number != self._loop.goal_id:
            return CancelResponse.REJECT  # it has just ended
        self._loop.end(Outcome(Code.CANCELED, "the client canceled the goal"), self._now())
        return CancelResponse.ACCEPT

    def _on_step(self, session: Session, plan: Planned) -> None:
        self._plan, self._image_age = plan, self._now() - plan.stamp
        handle = self._goals[self._loop.goal_id][0]
        handle.publish_feedback(feedback(session, plan, self._image_age))
        self._publish_status()

    def _on_end(self, goal_id: int, session: Session, now: float) -> None:
        outcome = session.outcome
        assert outcome
        line = f"goal {goal_id} ended after {session.steps} steps: {outcome.message}"
        if outcome.reached:  # two calls, as a rclpy logger wants one severity per line of code
            self.get_logger().info(line)
        else:
            self.get_logger().warning(line)
        self._goals[goal_id][1].set_result(result(session, outcome, now))
        self._tell(state_of(outcome), outcome)

    # Services.

    def _on_stop(self, request: Any, response: Any) -> Any:
        """Hold at once and end the goal."""
        response.success = True
        response.message = "no goal was under way"
        if self._active and self._loop.session:
            self._loop.end(Outcome(Code.STOPPED, "~/stop was called"), self._now())
            response.message = "holding"
        return response

    # What goes out.

    def _command(self, position: Vector, orientation: Vector) -> None:
        message = pose_message(position, orientation, self._spec.action.frame)
        message.header.stamp = self.get_clock().now().to_msg()
        self._command_publisher.publish(message)

    def _tell(self, state: int, outcome: Outcome) -> None:
        self._state, self._outcome = state, outcome
        self._publish_status()

    def _publish_status(self, outcome: Outcome | None = None) -> None:
        outcome = outcome or self._outcome
        status = PlanStatus(state=self._state, error_code=int(outcome.code))
        status.message = outcome.message
        status.header.stamp = seconds_to_time(self._now())
        if self._configured:
            describe_plan(status, self._plan, self._image_age, self._spec)
            camera, warnings = self._camera, self._link.ready.warnings if self._link.ready else []
            problems = [t for t in (camera.problem, self._pose.problem, self._rejection) if t]
            status.images_received, status.images_dropped = camera.received, camera.dropped
            status.commands_sent = self._loop.commands_sent
            status.commands_clamped = self._loop.gate.counters.clamped
            status.unverified_statistics = bool(self._spec.statistics.problem())
            findings = [finding.sentence for finding in self._contract.findings]
            status.warnings = [*warnings, *problems, *findings]
        self._status_publisher.publish(status)

    def _now(self) -> float:
        """ROS time [s]."""
        return float(self.get_clock().now().nanoseconds * 1e-9)

    def _why_locked(self) -> str:
        """Why parameters cannot change now, or an empty string."""
        return "the node is configured: clean it up first" if self._configured else ""


def main() -> None:
    """Run the node until SIGINT or SIGTERM; the arm is told to hold before the context dies."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda n, _: stopping.append(n))
    try:
        node = PlannerNode()
    except ConfigError as error:
        rclpy.try_shutdown()
        raise SystemExit(f"wm_planner: {error}") from error
    autostart = node.declare_parameter("autostart", True).value
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    if autostart and node.trigger_configure() == TransitionCallbackReturn.SUCCESS:
        node.trigger_activate()
    try:
        while not stopping and not node.finalized:
            try:
                executor.spin_once(timeout_sec=0.1)
            except RCLError as error:  # e.g. a lifecycle transition that is not possible now
                node.get_logger().error(str(error))
    except ExternalShutdownException:
        pass
    finally:  # also after a bug: whatever happened, the arm holds
        node.hold_and_stop(Outcome(Code.NOT_ACTIVE, "the node was shut down"))
    until = time.monotonic() + 0.2  # the goal's result and the last status leave
    while time.monotonic() < until:
        executor.spin_once(timeout_sec=0.05)
    if not node.finalized:
        node.trigger_shutdown()
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
