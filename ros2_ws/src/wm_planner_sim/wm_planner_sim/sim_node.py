"""The ROS 2 node ``sim``: what Isaac Sim's ROS bridge and an arm's controller publish and take."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import CameraInfo, Image, JointState
from wm_planner_msgs.srv import ResetScene, SampleGoal

from wm_planner_sim import messages, scene
from wm_planner_sim.simulation import CONTROL_PERIOD, Simulation

RELIABLE_10 = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
"""Isaac's QoS of camera, joints and clock."""
MAX_BACKLOG = 3
"""Ticks made up for at once after a delay; a longer one slows simulated time down."""


class SimNode(Node):
    """Steps the simulation against the wall clock and speaks its topics and services.

    Publishes ``rgb``, ``camera_info``, ``joint_states``, ``current_pose`` and ``/clock``; takes
    ``target_pose``, or ``joint_command`` as Isaac Sim's articulation controller does, positions
    only: the one that came last drives the arm. Serves ``~/reset`` and ``~/sample_goal``. All
    stamps are simulated time, which starts at 0 with the process and never jumps, not even on a
    reset. With ``system_time`` they are the system's time, as a real camera's and arm's, and there
    is no ``/clock``; an image's is then that of its end, as many drivers stamp.
    """

    def __init__(self) -> None:
        super().__init__("sim")
        height = self._integer("camera_height", 480, 16, 960, "Height of the image [pixels].")
        width = self._integer("camera_width", 640, 16, 1280, "Width of the image [pixels].")
        seed = self._integer("seed", 0, 0, 2**62, "Seed of the scene at the start.")
        camera_rate = self._number("camera_rate", 5.0, 0.1, 50.0, "Images per simulated second.")
        factor = self._number(
            "real_time_factor", 1.0, 0.01, 100.0, "Simulated seconds per wall-clock second."
        )
        text = "Stamp with the system's time, and publish no /clock."
        self._system_time: bool = self.declare_parameter(
            "system_time", False, ParameterDescriptor(description=text, read_only=True)
        ).value
        self._sim = Simulation(height, width, seed)
        self._info = messages.camera_info(self._sim.intrinsics, height, width)
        self._ticks_per_image = max(1, round(1.0 / (camera_rate * CONTROL_PERIOD)))
        self._wall_tick = CONTROL_PERIOD / factor
        self._ticks = 0
        self._due = time.monotonic()
        self._warned: set[str] = set()

        self._rgb = self.create_publisher(Image, "rgb", RELIABLE_10)
        self._camera_info = self.create_publisher(CameraInfo, "camera_info", RELIABLE_10)
        self._joints = self.create_publisher(JointState, "joint_states", RELIABLE_10)
        self._pose = self.create_publisher(PoseStamped, "current_pose", RELIABLE_10)
        if not self._system_time:
            self._clock_topic = self.create_publisher(ClockMessage, "/clock", RELIABLE_10)
        self.create_subscription(PoseStamped, "target_pose", self._on_target, RELIABLE_10)
        self.create_subscription(JointState, "joint_command", self._on_joints, RELIABLE_10)
        self.create_service(ResetScene, "~/reset", self._on_reset)
        self.create_service(SampleGoal, "~/sample_goal", self._on_sample_goal)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self.create_timer(self._wall_tick, self._on_timer, clock=steady)
        self.get_logger().info(
            f"simulating at {factor:g} x real time, camera {width} x {height} every "
            f"{self._ticks_per_image * CONTROL_PERIOD:g} s"
        )

    def close(self) -> None:
        """Frees the renderer and the node."""
        self._sim.close()
        self.destroy_node()

    def _integer(self, name: str, default: int, low: int, high: int, text: str) -> int:
        descriptor = ParameterDescriptor(
            description=text,
            read_only=True,
            integer_range=[IntegerRange(from_value=low, to_value=high, step=0)],
        )
        value: int = self.declare_parameter(name, default, descriptor).value
        return value

    def _number(self, name: str, default: float, low: float, high: float, text: str) -> float:
        descriptor = ParameterDescriptor(
            description=text,
            read_only=True,
            floating_point_range=[FloatingPointRange(from_value=low, to_value=high, step=0.0)],
        )
        value: float = self.declare_parameter(name, default, descriptor).value
        return value

    def _on_timer(self) -> None:
        """Makes up for the ticks that the wall clock has seen since the last call."""
        backlog = int((time.monotonic() - self._due) / self._wall_tick) + 1
        if backlog > MAX_BACKLOG:
            self._due = time.monotonic()
            backlog = 1
        for _ in range(backlog):
            self._due += self._wall_tick
            self._tick()

    def _tick(self) -> None:
        """Simulates 20 ms and publishes what belongs to its end."""
        self._sim.step()
        self._ticks += 1
        stamp = self._now()
        if not self._system_time:
            self._clock_topic.publish(ClockMessage(clock=stamp))
        self._joints.publish(
            messages.joint_state(stamp, self._sim.joint_positions, self._sim.joint_velocities)
        )
        self._pose.publish(messages.pose(stamp, self._sim.ee_position, self._sim.ee_quaternion))
        if self._ticks % self._ticks_per_image == 0:
            image = self._sim.render()
            self._info.header.stamp = self._now()
            self._rgb.publish(messages.image(self._info.header.stamp, image))
            self._camera_info.publish(self._info)

    def _now(self) -> Time:
        """The time of stamps."""
        if self._system_time:
            return self.get_clock().now().to_msg()
        return messages.stamp(self._sim.time)

    def _on_target(self, message: PoseStamped) -> None:
        """Takes the position of a target; the gripper keeps pointing down."""
        frame = message.header.frame_id
        if frame != scene.BASE_FRAME:
            self._warn_once(
                f"frame {frame}",
                f"target_pose ignored: its frame is '{frame}', this arm takes '{scene.BASE_FRAME}'",
            )
            return
        position = message.pose.position
        target = np.array([position.x, position.y, position.z])
        if not np.isfinite(target).all():
            self._warn_once("nan", f"target_pose ignored: its position is {target.tolist()}")
            return
        self._sim.set_target(target)
        if not np.allclose(self._sim.target, target, atol=1e-6):
            self._warn_once("box", f"target_pose {target.round(3).tolist()} clipped to the box")

    def _on_joints(self, message: JointState) -> None:
        """Takes positions by the joints' names; what is missing or NaN stays as it is."""
        if len(message.position) not in (0, len(message.name)):
            counts = f"{len(message.name)} names, {len(message.position)} positions"
            self._warn_once("joint counts", f"joint_command ignored: it has {counts}")
            return
        given = dict(zip(message.name, message.position, strict=False))
        if unknown := sorted(given.keys() - set(scene.JOINT_NAMES)):
            self._warn_once(
                "joint names", f"joint_command: this arm has no joint {', '.join(unknown)}"
            )
        wanted = np.array([given.get(name, np.nan) for name in scene.JOINT_NAMES])
        self._sim.set_joints(wanted)
        if (np.abs(self._sim.joint_command - wanted) > 1e-6).any():  # NaN is no difference
            self._warn_once(
                "joint limits", f"joint_command {wanted.round(3).tolist()} clipped to the limits"
            )

    def _on_reset(
        self, request: ResetScene.Request, response: ResetScene.Response
    ) -> ResetScene.Response:
        """Puts the scene into the start state of a seed."""
        if request.seed < 0:
            response.message = f"a seed is not negative, {request.seed} is"
            return response
        self._sim.reset(request.seed)
        self._warned.clear()
        response.success = True
        return response

    def _on_sample_goal(
        self, request: SampleGoal.Request, response: SampleGoal.Response
    ) -> SampleGoal.Response:
        """Renders a goal; the arm does not move."""
        if request.seed < 0:
            response.message = f"a seed is not negative, {request.seed} is"
            return response
        goal = self._sim.goal_image(seed=request.seed)
        now = self._now()
        response.image = messages.image(now, goal.image)
        response.pose = messages.pose(now, goal.position, np.array(scene.DOWN_XYZW))
        response.success = True
        return response

    def _warn_once(self, key: str, text: str) -> None:
        if key not in self._warned:
            self._warned.add(key)
            self.get_logger().warning(text)


def main(arguments: list[str] | None = None) -> int:
    """Runs the node until SIGINT or SIGTERM; both end it with exit code 0."""
    rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    running = True

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal running
        running = False

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    node = SimNode()
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
