"""The ROS 2 node ``sim``, with the topics of Isaac Sim's ROS bridge and of an arm's controller."""

from __future__ import annotations

import math
import signal
import sys
import time
from types import FrameType
from typing import Any

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped, TwistStamped
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64MultiArray, UInt32
from wm_planner_msgs.srv import ResetScene, SampleGoal

from wm_planner.ros.process import BAD_VALUES, refuse, start
from wm_planner_sim.simulator import franka, messages, table
from wm_planner_sim.simulator.controller import STREAM
from wm_planner_sim.simulator.pacing import Pacing
from wm_planner_sim.simulator.simulation import CONTROL_PERIOD, Simulation
from wm_planner_sim.simulator.tasks import DEFAULT_TASK, TASKS, find_task

RELIABLE_10 = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
"""QoS that Isaac Sim uses for camera, joints and clock."""
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""QoS of what late subscribers get, too."""
STOP = 0.5
"""Time after a reset in which the rest of a stream of commands is left out, in real time [s]."""
NEAR = 0.002
"""How near to the arm a new stream begins [m or rad]."""
MAX_AGE = 1.0
"""Largest age of a command whose stamp is believed [s]."""


class SimNode(Node):
    """Runs the simulation in step with the wall clock and connects it to ROS.

    Publishes ``rgb``, ``camera_info``, ``joint_states``, ``current_pose`` and ``/clock``, and on
    ``~/scored_pose`` the pose of what the task's success is measured by: the hand's in ``reach``;
    on ``~/cube_pose`` that of the cube; on ``~/reflexes`` how often commands beyond the limits of a
    Franka Research 3 have stopped the arm (see ``controller``), which moves again after a reset.
    Subscribes to ``target_pose``, to ``target_twist``, and to ``joint_command`` as Isaac Sim's
    articulation controller does, positions only; the latest of the three drives the arm. The
    gripper follows the fingers' positions in ``joint_command``, or the width in
    ``gripper_command``. Serves ``~/reset`` and ``~/sample_goal``.

    Stamps are simulated time, which starts at 0 with the process and never jumps, not even on a
    reset. While the arm moves and its next command is late, simulated time waits for it, for
    ``WAIT`` at most: on a busy machine time passes more slowly, as in Isaac Sim. With
    ``system_time`` it cannot wait, for stamps are the system's time, as those of a real camera and
    arm. Then there is no ``/clock``, and images are stamped when they are rendered, as many drivers
    do.
    """

    def __init__(self) -> None:
        super().__init__("sim")
        height = self._integer("camera_height", 480, 16, 960, "Height of the image [pixels].")
        width = self._integer("camera_width", 640, 16, 1280, "Width of the image [pixels].")
        seed = self._integer("seed", 0, 0, 2**62, "Seed of the scene at the start.")
        task = self._fixed("task", DEFAULT_TASK, f"Task to simulate: {', '.join(TASKS)}.")
        camera_rate = self._number("camera_rate", 5.0, 0.1, 50.0, "Images per simulated second.")
        factor = self._number(
            "real_time_factor", 1.0, 0.01, 100.0, "Simulated seconds per wall-clock second."
        )
        self._system_time: bool = self._fixed(
            "system_time", False, "Stamp with the system's time, and publish no /clock."
        )
        self._task = find_task(task)
        free: bool = self._fixed(
            "free", False, "Follow commands anywhere over the table, not in the workspace only."
        )
        self._sim = Simulation(height, width, seed, self._task, free=free, fr3=True, factor=factor)
        self._info = messages.camera_info(self._task.camera, self._sim.intrinsics, height, width)
        self._ticks_per_image = max(1, round(1.0 / (camera_rate * CONTROL_PERIOD)))
        wall_tick = CONTROL_PERIOD / factor
        self._pacing = Pacing(wall_tick, self._lacks_command, time.monotonic())
        self._ticks, self._tick_stamp = 0, 0.0
        self._stream, self._left_over = STREAM * max(factor, 1.0), STOP * max(factor, 1.0)
        self._heard = self._deaf_until = -math.inf
        self._warned: set[str] = set()

        self._rgb = self.create_publisher(Image, "rgb", RELIABLE_10)
        self._camera_info = self.create_publisher(CameraInfo, "camera_info", RELIABLE_10)
        self._joints = self.create_publisher(JointState, "joint_states", RELIABLE_10)
        self._pose = self.create_publisher(PoseStamped, "current_pose", RELIABLE_10)
        self._scored = self.create_publisher(PoseStamped, "~/scored_pose", RELIABLE_10)
        self._cube = self.create_publisher(PoseStamped, "~/cube_pose", RELIABLE_10)
        self._reflexes = self.create_publisher(UInt32, "~/reflexes", LATCHED)
        self._reflexes.publish(UInt32())
        if not self._system_time:
            self._clock_topic = self.create_publisher(ClockMessage, "/clock", RELIABLE_10)
        self.create_subscription(PoseStamped, "target_pose", self._on_target, RELIABLE_10)
        self.create_subscription(TwistStamped, "target_twist", self._on_twist, RELIABLE_10)
        self.create_subscription(JointState, "joint_command", self._on_joints, RELIABLE_10)
        self.create_subscription(Float64MultiArray, "gripper_command", self._on_width, RELIABLE_10)
        self.create_service(ResetScene, "~/reset", self._on_reset)
        self.create_service(SampleGoal, "~/sample_goal", self._on_sample_goal)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self.create_timer(wall_tick, self._on_timer, clock=steady)
        self.get_logger().info(
            f"simulating the task {task} at {factor:g} x real time, camera "
            f"{width} x {height} every {self._ticks_per_image * CONTROL_PERIOD:g} s"
        )

    def close(self) -> None:
        """Free the renderer and the node."""
        self._sim.close()
        self.destroy_node()

    def _fixed(self, name: str, default: Any, text: str, **limits: Any) -> Any:
        """Return a parameter that cannot be changed while the node runs."""
        descriptor = ParameterDescriptor(description=text, read_only=True, **limits)
        return self.declare_parameter(name, default, descriptor).value

    def _integer(self, name: str, default: int, low: int, high: int, text: str) -> int:
        limits = [IntegerRange(from_value=low, to_value=high, step=0)]
        return int(self._fixed(name, default, text, integer_range=limits))

    def _number(self, name: str, default: float, low: float, high: float, text: str) -> float:
        limits = [FloatingPointRange(from_value=low, to_value=high, step=0.0)]
        return float(self._fixed(name, default, text, floating_point_range=limits))

    def _on_timer(self) -> None:
        """Simulate the ticks that are due by the wall clock."""
        for _ in self._pacing.due(time.monotonic()):
            self._tick()

    def _lacks_command(self) -> bool:
        return self._sim.lacks_command and not self._system_time

    def _tick(self) -> None:
        """Simulate 20 ms and publish the state after them."""
        before = self._sim.reflexes
        self._sim.step()
        if self._sim.reflexes > before:
            self._reflexes.publish(UInt32(data=self._sim.reflexes))
            self.get_logger().error(
                f"the arm has stopped by a reflex: {self._sim.reflex}; ~/reset lets it move again"
            )
        self._ticks += 1
        stamp = self._now()
        self._tick_stamp = messages.seconds(stamp)
        if not self._system_time:
            self._clock_topic.publish(ClockMessage(clock=stamp))
        sim = self._sim
        positions = np.concatenate([sim.joint_positions, sim.finger_positions])
        velocities = np.concatenate([sim.joint_velocities, sim.finger_velocities])
        self._joints.publish(messages.joint_state(stamp, positions, velocities))
        self._pose.publish(self._site_pose(stamp, franka.TCP))
        self._scored.publish(self._site_pose(stamp, self._task.scored_site))
        cube = sim.body_position(table.CUBE), sim.body_quaternion(table.CUBE)
        self._cube.publish(messages.pose(stamp, *cube))
        if self._ticks % self._ticks_per_image == 0:
            image = self._sim.render()
            self._info.header.stamp = self._now()
            self._rgb.publish(messages.image(self._info.header.stamp, self._task.camera, image))
            self._camera_info.publish(self._info)

    def _now(self) -> Time:
        """Return the time for stamps."""
        if self._system_time:
            return self.get_clock().now().to_msg()
        return messages.stamp(self._sim.time)

    def _site_pose(self, stamp: Time, site: str) -> PoseStamped:
        position, quaternion = self._sim.site_position(site), self._sim.site_quaternion(site)
        return messages.pose(stamp, position, quaternion)

    def _on_target(self, message: PoseStamped) -> None:
        """Follow a pose."""
        p, q = message.pose.position, message.pose.orientation
        target = np.array([p.x, p.y, p.z])
        way = target - self._sim.ee_position
        if self._of_the_past(way) or not self._in_base_frame("target_pose", message):
            return
        try:
            self._sim.set_target(target, [q.x, q.y, q.z, q.w], self._sim_time(message))
        except ValueError as error:
            self._warn_once("target_pose", f"target_pose ignored: {error}")
            return
        if not np.allclose(self._sim.target, target, atol=1e-6):
            self._warn_once(
                "box", f"target_pose {target.round(3).tolist()} clipped to the workspace"
            )

    def _on_twist(self, message: TwistStamped) -> None:
        """Follow a twist."""
        if self._of_the_past(np.inf) or not self._in_base_frame("target_twist", message):
            return
        v, w = message.twist.linear, message.twist.angular
        try:
            self._sim.set_twist([v.x, v.y, v.z], [w.x, w.y, w.z])
        except ValueError as error:
            self._warn_once("target_twist", f"target_twist ignored: {error}")

    def _of_the_past(self, way: Any) -> bool:
        """Return whether a command belongs to a stream from before the last reset, as of a stop.

        Args:
            way: From where the arm is to where it leads [m or rad]. If that is near, it begins a
                new stream, as if none had been heard for a while.
        """
        now, before = self._sim.time, self._heard
        self._heard = now
        begins = now - before > self._stream or np.abs(way).max() < NEAR
        if begins or now > self._deaf_until:
            self._deaf_until = -math.inf
        return now <= self._deaf_until

    def _sim_time(self, message: Any) -> float:
        """Return the stamp of a command in simulated time [s]."""
        return time_of(messages.seconds(message.header.stamp), self._tick_stamp, self._sim.time)

    def _in_base_frame(self, topic: str, message: Any) -> bool:
        frame = message.header.frame_id
        if frame == franka.BASE_FRAME:
            return True
        text = f"{topic} ignored: its frame is '{frame}', not '{franka.BASE_FRAME}'"
        self._warn_once(f"{topic} {frame}", text)
        return False

    def _on_joints(self, message: JointState) -> None:
        """Follow positions by the joints' names; a joint without one keeps its last command."""
        if len(message.position) not in (0, len(message.name)):
            counts = f"{len(message.name)} names, {len(message.position)} positions"
            self._warn_once("joint counts", f"joint_command ignored: it has {counts}")
            return
        given = dict(zip(message.name, message.position, strict=False))
        wanted = np.array([given.get(name, np.nan) for name in franka.JOINT_NAMES])
        way = (wanted - self._sim.joint_positions)[~np.isnan(wanted)]
        if self._of_the_past(way if way.size else np.inf):
            return
        fingers = [given.pop(name) for name in franka.FINGER_NAMES if name in given]
        if fingers:
            self._move_fingers("joint_command", 2 * float(np.mean(fingers)))
        if unknown := sorted(given.keys() - set(franka.JOINT_NAMES)):
            self._warn_once(
                "joint names", f"joint_command: this arm has no joint {', '.join(unknown)}"
            )
        self._sim.set_joints(wanted, self._sim_time(message))
        if (np.abs(self._sim.joint_command - wanted) > 1e-6).any():  # False for NaN
            self._warn_once(
                "joint limits", f"joint_command {wanted.round(3).tolist()} clipped to the limits"
            )

    def _on_width(self, message: Float64MultiArray) -> None:
        """Move the fingers to a width [m]."""
        if len(message.data) == 1:
            self._move_fingers("gripper_command", message.data[0])
        else:
            text = f"gripper_command ignored: it has {len(message.data)} numbers, not one width"
            self._warn_once("width count", text)

    def _move_fingers(self, topic: str, width: float) -> None:
        try:
            self._sim.set_width(width)
        except ValueError as error:
            self._warn_once(f"{topic} width", f"{topic} ignored: {error}")

    def _on_reset(
        self, request: ResetScene.Request, response: ResetScene.Response
    ) -> ResetScene.Response:
        """Put the scene into the start state of a seed."""
        if request.seed < 0:
            response.message = f"a seed must not be negative; this one is {request.seed}"
            return response
        self._sim.reset(request.seed)
        streaming = self._sim.time - self._heard <= self._stream
        self._deaf_until = self._sim.time + self._left_over if streaming else -math.inf
        self._warned.clear()
        response.success = True
        return response

    def _on_sample_goal(
        self, request: SampleGoal.Request, response: SampleGoal.Response
    ) -> SampleGoal.Response:
        """Render a goal; the arm does not move."""
        if request.seed < 0:
            response.message = f"a seed must not be negative; this one is {request.seed}"
            return response
        goal = self._sim.sample_goal(request.seed)
        now = self._now()
        response.image = messages.image(now, self._task.camera, goal.image)
        response.sub_goals = [
            messages.image(now, self._task.camera, image) for image in goal.sub_goals
        ]
        response.pose = messages.pose(now, goal.position, goal.quaternion)
        response.success = True
        return response

    def _warn_once(self, key: str, text: str) -> None:
        if key not in self._warned:
            self._warned.add(key)
            self.get_logger().warning(text)


def time_of(stamp: float, tick_stamp: float, now: float) -> float:
    """Return the simulated time of a command [s]: now, unless its stamp is near.

    To a microsecond, so that stamps that repeat stay the same at other ticks.

    Args:
        stamp: Its stamp [s].
        tick_stamp: Stamp of the last tick, of the same clock [s].
        now: Simulated time of the last tick [s].
    """
    age = tick_stamp - stamp
    return round(now - age, 6) if abs(age) < MAX_AGE else now


def main(arguments: list[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM; both end it with exit code 0."""
    example = "python -m wm_planner_sim.simulator.node --ros-args -p task:=push"
    start("sim_node", "Simulates a Franka with a camera.", arguments, example=example)
    running = True

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal running
        running = False

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    try:
        node = SimNode()
    except (*BAD_VALUES, ValueError) as error:  # of a parameter
        refuse("sim_node", error)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while running:
            executor.spin_once(timeout_sec=0.1)
    finally:
        executor.shutdown()
        node.close()
        rclpy.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
