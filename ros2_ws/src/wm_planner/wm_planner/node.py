"""The planner's ROS 2 node: its lifecycle, and its process."""

from __future__ import annotations

import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
from ament_index_python.packages import get_package_share_directory
from rclpy._rclpy_pybind11 import RCLError
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from wm_planner_msgs.msg import PlanStatus

from wm_planner.config import ConfigError, differences
from wm_planner.control import ErrorCode, Status
from wm_planner.control.stop_record import StopRecord
from wm_planner.explain import explain
from wm_planner.images import conversion_path
from wm_planner.ros import log
from wm_planner.ros.background import BackgroundThread
from wm_planner.ros.goal_server import GoalServer
from wm_planner.ros.goal_services import GoalServices
from wm_planner.ros.guarded_clock import guard_clock
from wm_planner.ros.guarded_services import guard
from wm_planner.ros.parameters import Parameters
from wm_planner.ros.plan_once import PlanOnceService
from wm_planner.ros.process import BAD_VALUES, refuse, start
from wm_planner.ros.runtime import PlannerRuntime
from wm_planner.ros.snapshot import Snapshot
from wm_planner.ros.status_publisher import StatusPublisher
from wm_planner.text import one_line

PROGRAM = "planner_node"
REPEATED = 1.0  # [s] between status messages of an unconfigured node
LAST_MESSAGES = 0.2  # [s] for the result of the last goal and the last status to be sent
FINALIZED = 1.0  # [s] more, in which a lifecycle manager can ask for the final state


class PlannerNode(LifecycleNode):
    """A lifecycle node: configuring loads the model, activating accepts goals.

    Deactivating stops the arm first. While configured, the node has a ``PlannerRuntime``.

    Args:
        **kwargs: As for ``rclpy.node.Node``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("wm_planner", **kwargs)
        guard(self, self.services)  # those of rclpy; the planner's own answer every error
        guard_clock(self)
        share = Path(get_package_share_directory("wm_planner"))
        self._settings = Parameters(self, share / "config")
        self._status = StatusPublisher(self)
        background = BackgroundThread(self)
        self._goals = GoalServer(self, background, self._reject)
        self._plan_once = PlanOnceService(self, background)
        self._goal_services = GoalServices(self, background)
        self._runtime: PlannerRuntime | None = None
        self._stopped: StopRecord | None = None  # while nothing is configured
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(REPEATED, self._repeat_status, clock=steady)
        self.finalized = False
        self.interrupted: Callable[[], bool] = lambda: False  # whether to stop loading the model

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters, load the model, create the topics; nothing moves yet."""
        try:
            runtime = PlannerRuntime(
                self,
                self._settings.config(),
                self._status,
                self._goals,
                self._plan_once,
                self._goal_services,
                self.interrupted,
                self._stopped,
            )
        except Exception as error:  # rclpy would hide it
            why = explain(error) or f"{type(error).__name__}: {error}"
            reason = Status(ErrorCode.NOT_ACTIVE, one_line(f"not configured: {why}"))
            log.error(self, reason.message)
            self._status.change(PlanStatus.INACTIVE, reason, None)
            return TransitionCallbackReturn.FAILURE
        self._runtime = self._settings.running = runtime
        ready = runtime.link.ready
        assert ready
        self._status.publish_config(runtime.config)
        self.get_logger().info(f"images: {conversion_path()}")
        log.info(self, ready.description)
        changed = ", ".join(differences(runtime.config)) or "none"
        log.info(self, f"settings that are not the defaults: {changed}; all are on ~/config")
        for warning in [*ready.warnings, ready.plan_time_problem(runtime.config.worker)]:
            if warning:
                log.warning(self, warning)
        self._change_to_inactive(Status(ErrorCode.NOT_ACTIVE, "configured"))
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Accept goals from now on."""
        assert self._runtime
        self._runtime.activate()
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Hold the arm and end the goal; nothing is sent to the arm afterward."""
        self.hold_and_stop(Status(ErrorCode.NOT_ACTIVE, "the node was deactivated"))
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unload the model and destroy the topics."""
        self._close()
        self._change_to_inactive(Status(ErrorCode.NOT_ACTIVE, "cleaned up"))
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Hold the arm and end the goal, from any state; ``main`` then ends the process."""
        self.hold_and_stop(Status(ErrorCode.NOT_ACTIVE, "the node was shut down"))
        self.finalized = True
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Hold the arm and clean up after an exception in a transition, which rclpy hides."""
        reason = Status(ErrorCode.UNKNOWN, "a bug in a transition of the node: configure it again")
        self.get_logger().fatal(reason.message)
        self.hold_and_stop(reason)
        self._close()
        self._change_to_inactive(reason)
        return TransitionCallbackReturn.SUCCESS

    def destroy_node(self) -> None:
        """Destroy the node, and end the worker."""
        self._close()
        self._goals.destroy()
        super().destroy_node()

    def hold_and_stop(self, status: Status) -> None:
        """Hold the arm, end the goal and accept no more."""
        if self._runtime:
            self._runtime.deactivate(status)

    def _close(self) -> None:
        runtime = self._runtime
        self._runtime = self._settings.running = None
        if runtime:
            self._stopped = runtime.loop.stopped
            runtime.close()

    def _snapshot(self) -> Snapshot | None:
        return self._runtime.snapshot() if self._runtime else None

    def _repeat_status(self) -> None:
        """Publish why the node is unconfigured again, for readers who do not ask for the last."""
        if self._runtime is None:
            self._status.publish(None)

    def _change_to_inactive(self, status: Status) -> None:
        self._status.change(PlanStatus.INACTIVE, status, self._snapshot())

    def _reject(self, reason: Status) -> None:
        self._status.reject(reason, self._snapshot())


def _spin(node: Node, executor: SingleThreadedExecutor, seconds: float) -> None:
    """Run one callback; log an answer whose client is gone."""
    try:
        executor.spin_once(timeout_sec=seconds)
    except RCLError as error:
        log.error(node, str(error))


def main() -> None:
    """Run the node until a signal ends it; the arm is stopped before the context ends."""
    start(
        PROGRAM,
        "Plans with a world model and commands a robot arm.",
        example=f"ros2 run wm_planner {PROGRAM} --ros-args -p model.directory:=my_model",
    )
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, lambda n, _: stopping.append(n))
    try:
        node = PlannerNode()
        autostart = node.declare_parameter("autostart", True).value
    except (ConfigError, *BAD_VALUES) as error:
        refuse(PROGRAM, error)
    node.interrupted = lambda: bool(stopping)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    if autostart and node.trigger_configure() == TransitionCallbackReturn.SUCCESS:
        node.trigger_activate()
    end = Status(ErrorCode.NOT_ACTIVE, "the node was shut down")
    try:
        while not stopping and not node.finalized:
            _spin(node, executor, 0.1)
    except ExternalShutdownException:
        pass
    except Exception as error:  # a bug: the arm is stopped, the goal ends, the process ends
        end = Status(ErrorCode.UNKNOWN, f"a bug in the planner's node, which ends now: {error!r}")
        log.traceback(node, traceback.format_exc())
    finally:  # whatever happened, the arm holds
        node.hold_and_stop(end)
    until = time.monotonic() + LAST_MESSAGES + (FINALIZED if node.finalized else 0.0)
    while time.monotonic() < until:
        _spin(node, executor, 0.05)
    if not node.finalized:
        node.trigger_shutdown()
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    if end.code is ErrorCode.UNKNOWN:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
