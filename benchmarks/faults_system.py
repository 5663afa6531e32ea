"""The system that ``faults.py`` tests: simulator, planner, and a client between the two."""

from __future__ import annotations

import copy
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import rclpy
from faults_hand import PARAMETERS, make_model
from geometry_msgs.msg import PoseStamped, WrenchStamped
from rcl_interfaces.srv import SetParameters
from rclpy import clock
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Bool
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import PlanStatus

from wm_planner_sim.client.client import Client
from wm_planner_sim.client.processes import ManagedProcess, start_planner
from wm_planner_sim.simulator.controller import DELAY, LAG

CAMERA_RATE = 33.0  # [Hz] images per second of wall time


JUMP = 5.0  # [s] by which the planner's clock jumps
ENABLE_TIMEOUT = 0.3  # [s] safety.enable_timeout
ENABLE_PERIOD = 0.05  # [s] between messages of the button
MAX_FORCE = 15.0  # [N] safety.max_force
SENSOR_TIMEOUT = 0.5  # [s] safety.sensor_timeout


class Harness(Client):
    """A client that relays images, poses, the clock and commands, and can spoil the first three.

    It also presses the enabling button, and measures no force whenever there is a pose.
    """

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[tuple[float, float, np.ndarray]] = []  # sent, stamp, pose (7,)
        self.widths: list[tuple[float, float, float]] = []  # sent, stamp, width [m]
        self.measured: list[tuple[float, np.ndarray]] = []
        self.spoil: Callable[[Image], Image | None] = lambda image: image
        self.spoil_pose: Callable[[PoseStamped], PoseStamped | None] = lambda pose: pose
        self.spoil_joints: Callable[[JointState], JointState | None] = lambda joints: joints
        self.spoil_clock: Callable[[Clock], Clock] = lambda clock: clock
        self.spoil_enable: Callable[[Bool], Bool | None] = lambda button: button
        self.spoil_wrench: Callable[[WrenchStamped], WrenchStamped | None] = lambda wrench: wrench
        self.turned = 0.0  # [rad] between the measured and the commanded orientation, at most
        self._measured_turn = np.array([1.0, 0.0, 0.0, 0.0])
        self.clock_offset = 0.0
        self.clock_runs = True
        self.sim_time = 0.0
        self.relayed = [0.0]  # times at which images were relayed
        self.statuses: list[tuple[float, str]] = []  # arrival and sentence
        self._camera = self.create_publisher(Image, "spoiled", QoSProfile(depth=10))
        self._clock = self.create_publisher(Clock, "/clock", 10)
        self._pose = self.create_publisher(PoseStamped, "shifted_pose", 10)
        self._joints = self.create_publisher(JointState, "shifted_joints", 10)
        self._target = self.create_publisher(PoseStamped, "target_pose", 10)
        self._enable = self.create_publisher(Bool, "enable", 10)
        self._wrench = self.create_publisher(WrenchStamped, "wrench", 10)
        steady = clock.Clock(clock_type=clock.ClockType.STEADY_TIME)
        self.create_timer(ENABLE_PERIOD, self._press, clock=steady)
        self.on_image = self._relay
        self.create_subscription(Clock, "/sim_clock", self._on_clock, 100)
        self.create_subscription(PoseStamped, "shifted_target", self._on_command, 1000)
        self.create_subscription(JointState, "joint_command", self._on_width, 1000)
        self.create_subscription(JointState, "joint_states", self._on_joints, 100)
        self.actions = ActionClient(self, ReachGoal, "wm_planner/reach_goal")

    def clear_record(self) -> None:
        """Begin a new record."""
        self.commands.clear()
        self.widths.clear()
        self.statuses.clear()
        self.turned = 0.0
        del self.measured[:-1], self.relayed[:-1]

    def wait_for_silence(self) -> None:
        """Wait for the end of a stop, at most ten seconds."""
        count, until = -1, time.monotonic() + 10.0
        while count != len(self.commands) and time.monotonic() < until:
            count = len(self.commands)
            self.spin_for(0.3)

    def flood(self, seconds: float) -> None:
        """Publish the latest image two hundred times a second."""
        until = time.monotonic() + seconds
        image = self.image
        while time.monotonic() < until:
            if image is not None:
                self._camera.publish(image)
            self.spin_for(0.005)
            image = self.image

    def set(self, name: str, value: Any) -> bool:
        """Set a parameter of the planner; return whether it was accepted."""
        parameter = Parameter(name, value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        return bool(self._call(self._set_parameters, request).results[0].successful)

    def _on_clock(self, message: Clock) -> None:
        self.sim_time = message.clock.sec + 1e-9 * message.clock.nanosec
        if self.clock_runs:
            self._clock.publish(self.spoil_clock(Clock(clock=self._shifted(message.clock))))

    def _shifted(self, stamp: Any) -> Any:
        nanoseconds = stamp.sec * 10**9 + stamp.nanosec + round(1e9 * self.clock_offset)
        return rclpy.time.Time(nanoseconds=max(nanoseconds, 0)).to_msg()

    def _relay(self, message: Image) -> None:
        message.header.stamp = self._shifted(message.header.stamp)
        if (spoiled := self.spoil(message)) is not None:
            self._camera.publish(spoiled)
            self.relayed.append(time.time())

    def _on_command(self, message: PoseStamped, info: dict[str, Any]) -> None:
        p = message.pose.position
        stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        sent = info["source_timestamp"] * 1e-9  # this process may receive it late
        turn = _quaternion(message)
        self.commands.append((sent, stamp, np.array([p.x, p.y, p.z, *turn])))
        same = min(1.0, abs(float(self._measured_turn @ turn)))
        self.turned = max(self.turned, 2 * np.arccos(same))
        # The arm has a clock of its own, from which the planner's differs by jumps.
        apart = JUMP * round((stamp - self.sim_time) / JUMP)
        own = rclpy.time.Time(nanoseconds=max(round(1e9 * (stamp - apart)), 0))
        message.header.stamp = own.to_msg()
        self._target.publish(message)

    def _on_width(self, message: JointState, info: dict[str, Any]) -> None:
        stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        self.widths.append((info["source_timestamp"] * 1e-9, stamp, sum(message.position)))

    def _on_joints(self, message: JointState) -> None:
        message.header.stamp = self._shifted(message.header.stamp)
        if (spoiled := self.spoil_joints(message)) is not None:
            self._joints.publish(spoiled)

    def _on_status(self, message: PlanStatus) -> None:
        super()._on_status(message)
        self.statuses.append((time.time(), message.message))

    def _on_pose(self, message: PoseStamped) -> None:
        super()._on_pose(message)
        self.measured.append((time.time(), self.position))
        self._measured_turn = _quaternion(message)
        message.header.stamp = self._shifted(message.header.stamp)
        header = copy.deepcopy(message.header)
        if (wrench := self.spoil_wrench(WrenchStamped(header=header))) is not None:
            self._wrench.publish(wrench)
        if (spoiled := self.spoil_pose(message)) is not None:
            self._pose.publish(spoiled)

    def _press(self) -> None:
        if (button := self.spoil_enable(Bool(data=True))) is not None:
            self._enable.publish(button)


def _quaternion(message: PoseStamped) -> np.ndarray:
    q = message.pose.orientation
    return np.array([q.x, q.y, q.z, q.w])


class System:
    """Simulator and planner as processes, and the harness between them.

    Args:
        factor: Simulated seconds per wall-clock second.
        seed: Seed of all random choices.

    Attributes:
        repeated: Position (3,) [m] of the pose that the fault "pose repeated" repeats.
        stranger: A node that publishes what others publish already.
    """

    def __init__(self, factor: float, seed: int) -> None:
        self.random = random.Random(seed)
        self.log = Path(tempfile.mkstemp(suffix=".log")[1])
        self.repeated = np.zeros(3)
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)  # Ctrl+C: a report
        words = ["-p", "camera_width:=256", "-p", "camera_height:=192", "-r", "/clock:=/sim_clock"]
        words += ["-p", f"real_time_factor:={factor}", "-p", f"camera_rate:={CAMERA_RATE / factor}"]
        words += ["--log-level", "error"]
        self.simulator = ManagedProcess("wm_planner_sim.simulator.node", ["--ros-args", *words])
        self.planner = start_planner(
            "session.progress_time:=0.0",
            f"commands.lag:={min(DELAY * max(factor, 1.0) + LAG - DELAY, 1.0)}",
            f"safety.enable_timeout:={ENABLE_TIMEOUT}",
            f"safety.max_force:={MAX_FORCE}",
            f"safety.sensor_timeout:={SENSOR_TIMEOUT}",
            *PARAMETERS,
            model=make_model(),
            image="spoiled",
            pose="shifted_pose",
            command="shifted_target",
            joints="shifted_joints",
            log_level="warn",
            output=self.log,
        )
        self.node, self.executor = Harness(), SingleThreadedExecutor()
        self.stranger = Node("stranger")
        self.executor.add_node(self.node)
        self.node.wait_active()
        self.node.reset(0)

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.planner.process.pid)

    @property
    def worker(self) -> psutil.Process | None:
        children = self.process.children()
        return children[0] if children else None

    def end(self) -> None:
        """End planner and simulator."""
        self.planner.end()
        self.simulator.end()
