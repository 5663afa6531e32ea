"""Commands to the simulated arm over DDS, and a record of its topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, TwistStamped
from rcl_interfaces.msg import Log
from rclpy.duration import Duration
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, JointState
from std_msgs.msg import Float64MultiArray

from wm_planner_sim.client.calls import TIMEOUT
from wm_planner_sim.client.client import Client
from wm_planner_sim.simulator import franka

RELIABLE = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)


class Wire:
    """A record of the simulator's topics, and publishers of commands to it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.heard: dict[str, list[Any]] = {"rgb": []}
        client.on_image = self.heard["rgb"].append
        self._target = client.create_publisher(PoseStamped, "target_pose", 1)
        self._twist = client.create_publisher(TwistStamped, "target_twist", 1)
        self._joints = client.create_publisher(JointState, "joint_command", 1)
        self._width = client.create_publisher(Float64MultiArray, "gripper_command", 1)
        self._subscriptions = []
        for name, kind in (
            ("camera_info", CameraInfo),
            ("joint_states", JointState),
            ("/clock", Clock),
            ("/rosout", Log),
        ):
            self.heard[name] = []
            self._subscriptions.append(
                client.create_subscription(kind, name, self.heard[name].append, RELIABLE)
            )

    def send(
        self,
        position: Any,
        frame: str = franka.BASE_FRAME,
        orientation: Any = franka.DOWN_XYZW,
        wait: bool = True,
    ) -> None:
        message = PoseStamped()
        message.header.frame_id = frame
        message.header.stamp = self.heard["/clock"][-1].clock
        p, q = message.pose.position, message.pose.orientation
        p.x, p.y, p.z = (float(number) for number in position)
        q.x, q.y, q.z, q.w = (float(number) for number in orientation)
        self._publish(self._target, message, wait)

    def go(self, position: Any, orientation: Any = franka.DOWN_XYZW) -> None:
        """Lead the hand to a pose, no faster than the arm can follow."""
        start, turned = self.position, Rotation.from_quat(self.client.orientation)
        turn = (Rotation.from_quat(orientation) * turned.inv()).as_rotvec()

        def send(share: float) -> None:
            hand = Rotation.from_rotvec(share * turn) * turned
            self.send(start + share * (position - start), orientation=hand.as_quat(), wait=False)

        self._along(10 * np.linalg.norm(position - start) + 3 * np.linalg.norm(turn), send)

    def go_joints(self, **positions: float) -> None:
        """Lead joints to positions, no faster than the arm can follow."""
        start = dict(zip(franka.JOINT_NAMES, self.joints, strict=True))

        def send(share: float) -> None:
            names = {
                name: start[name] + share * (to - start[name]) for name, to in positions.items()
            }
            self.send_joints(wait=False, **names)

        self._along(2 * max(abs(to - start[name]) for name, to in positions.items()), send)

    def _along(self, seconds: float, send: Callable[[float], None]) -> None:
        """Send what belongs to a share of a smooth way at each tick, then wait until it rests."""
        clock = self.heard["/clock"]
        at, seconds = seconds_of(clock[-1].clock), max(seconds, 0.5)
        share = 0.0
        while share < 1.0:
            count = len(clock)
            self.client.spin_until(lambda heard=count: len(clock) > heard)
            passed = seconds_of(clock[-1].clock) - at
            at += passed
            share = min(share + min(passed, 0.04) / seconds, 1.0)  # no jump after a delay
            send(share**3 * (10 - 15 * share + 6 * share**2))
        self.client.settle()

    def send_twist(self, linear: Any, angular: Any) -> None:
        message = TwistStamped()
        message.header.frame_id = franka.BASE_FRAME
        v, w = message.twist.linear, message.twist.angular
        (v.x, v.y, v.z), (w.x, w.y, w.z) = linear, angular
        self._publish(self._twist, message)

    def send_joints(
        self, message: JointState | None = None, wait: bool = True, **positions: float
    ) -> None:
        if message is None:
            message = JointState(name=list(positions), position=list(positions.values()))
            message.header.stamp = self.heard["/clock"][-1].clock
        self._publish(self._joints, message, wait)

    def send_width(self, *widths: float) -> None:
        self._publish(self._width, Float64MultiArray(data=list(widths)))

    def _publish(self, publisher: Any, message: Any, wait: bool = True) -> None:
        """Send a command, and wait until it has arrived and the arm rests."""
        publisher.publish(message)
        if not wait:
            return
        assert publisher.wait_for_all_acked(Duration(seconds=TIMEOUT))
        self.client.settle()

    def heard_by_simulator(self) -> bool:
        """Decide whether the simulator receives all kinds of commands from here."""
        for publisher in (self._target, self._twist, self._joints, self._width):
            readers = self.client.get_subscriptions_info_by_topic(publisher.topic_name)
            matched = publisher.get_subscription_count() == len(readers)
            if not matched or "sim" not in [reader.node_name for reader in readers]:
                return False
        return True

    def close(self) -> None:
        """Destroy the publishers, because the planner of other tests accepts no other publisher."""
        self.client.on_image = lambda image: None
        self.client.destroy_publisher(self._target)
        self.client.destroy_publisher(self._twist)
        self.client.destroy_publisher(self._joints)
        self.client.destroy_publisher(self._width)
        for subscription in self._subscriptions:
            self.client.destroy_subscription(subscription)

    @property
    def joints(self) -> np.ndarray:
        return np.array(self.heard["joint_states"][-1].position[:7])

    @property
    def width(self) -> float:
        return float(sum(self.heard["joint_states"][-1].position[7:]))

    @property
    def position(self) -> np.ndarray:
        assert self.client.position is not None
        return self.client.position


def seconds_of(stamp: Any) -> float:
    return float(stamp.sec + stamp.nanosec * 1e-9)
