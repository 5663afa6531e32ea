"""The simulator's node over DDS."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, TwistStamped
from rcl_interfaces.msg import Log
from rclpy.duration import Duration
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64MultiArray

from wm_planner.ros.image_reader import ImageSubscription
from wm_planner.ros.qos import sensor_data_qos
from wm_planner_sim.client.calls import TIMEOUT, ClientError
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.processes import ManagedProcess, start_simulator
from wm_planner_sim.simulator import franka
from wm_planner_sim.simulator.simulation import TWIST_TIMEOUT
from wm_planner_sim.simulator.tasks import TASKS

pytestmark = pytest.mark.dds
RELIABLE = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
SEED = 1_500_000
TASK = TASKS["reach"]
CENTER = (np.array(TASK.workspace_min) + np.array(TASK.workspace_max)) / 2


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
    ) -> None:
        message = PoseStamped()
        message.header.frame_id = frame
        p, q = message.pose.position, message.pose.orientation
        p.x, p.y, p.z = (float(number) for number in position)
        q.x, q.y, q.z, q.w = (float(number) for number in orientation)
        self._publish(self._target, message)

    def send_twist(self, linear: Any, angular: Any) -> None:
        message = TwistStamped()
        message.header.frame_id = franka.BASE_FRAME
        v, w = message.twist.linear, message.twist.angular
        (v.x, v.y, v.z), (w.x, w.y, w.z) = linear, angular
        self._publish(self._twist, message)

    def send_joints(self, message: JointState | None = None, **positions: float) -> None:
        if message is None:
            message = JointState(name=list(positions), position=list(positions.values()))
        self._publish(self._joints, message)

    def send_width(self, *widths: float) -> None:
        self._publish(self._width, Float64MultiArray(data=list(widths)))

    def _publish(self, publisher: Any, message: Any) -> None:
        """Send a command, and wait until it has arrived and the arm rests."""
        publisher.publish(message)
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


@pytest.fixture(scope="module")
def wire(simulator: ManagedProcess, watch: Any) -> Iterator[Wire]:
    with watch("no_planner") as client:
        wire = Wire(client)
        try:
            client.spin_until(lambda: all(wire.heard[n] for n in ("joint_states", "rgb")))
            client.spin_until(wire.heard_by_simulator)
            client.reset(SEED)
            yield wire
        finally:
            wire.close()


def seconds(stamp: Any) -> float:
    return float(stamp.sec + stamp.nanosec * 1e-9)


def test_images_are_as_isaac_publishes_them(wire: Wire) -> None:
    image = wire.heard["rgb"][-1]
    assert (image.height, image.width, image.encoding) == (120, 160, "rgb8")
    assert (image.step, len(image.data)) == (3 * 160, 3 * 160 * 120)
    assert image.header.frame_id == "sim_camera"
    info = wire.client.get_publishers_info_by_topic("/rgb")[0]
    assert info.qos_profile.reliability == ReliabilityPolicy.RELIABLE


def test_camera_info_belongs_to_the_image(wire: Wire) -> None:
    stamp = seconds(wire.heard["rgb"][-1].header.stamp)
    infos = wire.heard["camera_info"]
    wire.client.spin_until(lambda: any(seconds(i.header.stamp) == stamp for i in infos))
    info = infos[-1]
    assert (info.height, info.width, info.k[2], info.k[5]) == (120, 160, 80.0, 60.0)


def test_joint_states_name_the_joints_of_arm_and_gripper(wire: Wire) -> None:
    state = wire.heard["joint_states"][-1]
    assert list(state.name) == [*franka.JOINT_NAMES, *franka.FINGER_NAMES]
    assert len(state.position) == len(state.velocity) == 9


def test_the_fingers_follow_a_width_or_their_positions(wire: Wire) -> None:
    wire.client.reset(SEED)
    before = wire.joints
    for width in (0.07, 0.01):
        wire.send_width(width)
        assert wire.width == pytest.approx(width, abs=1e-3)
    wire.send_joints(panda_finger_joint1=0.03, panda_finger_joint2=0.03)
    assert wire.width == pytest.approx(0.06, abs=1e-3)
    for bad in ([math.nan], [0.01, 0.02], []):
        wire.send_width(*bad)
    assert wire.width == pytest.approx(0.06, abs=1e-3)
    np.testing.assert_allclose(wire.joints, before, atol=1e-3)


def test_hand_goes_to_the_target(wire: Wire) -> None:
    wire.client.reset(SEED)
    target = wire.position + np.array([0.0, 0.0, 0.02 if wire.position[2] < 0.2 else -0.02])
    wire.send(target)
    np.testing.assert_allclose(wire.position, target, atol=2e-3)


def apart(found: Any, wanted: Any) -> float:
    """Return the angle between two orientations (x, y, z, w) [degrees]."""
    turn = Rotation.from_quat(found) * Rotation.from_quat(wanted).inv()
    return math.degrees(turn.magnitude())


def test_hand_turns_to_the_target(wire: Wire) -> None:
    wire.client.reset(SEED)
    turned = Rotation.from_rotvec([0.0, 0.4, 0.3]) * Rotation.from_quat(franka.DOWN_XYZW)
    wire.send(CENTER, orientation=turned.as_quat())
    np.testing.assert_allclose(wire.position, CENTER, atol=2e-3)
    assert apart(wire.client.orientation, turned.as_quat()) < 1


def test_hand_follows_a_twist_for_its_timeout(wire: Wire) -> None:
    wire.client.reset(SEED)
    wire.send(CENTER)
    before, still = wire.position, wire.client.orientation
    wire.send_twist([0.2, 0.0, 0.0], [0.0, 0.0, 1.0])
    np.testing.assert_allclose(wire.position - before, [0.2 * TWIST_TIMEOUT, 0, 0], atol=2e-3)
    turned = Rotation.from_rotvec([0.0, 0.0, TWIST_TIMEOUT]) * Rotation.from_quat(still)
    assert apart(wire.client.orientation, turned.as_quat()) < 1


@pytest.mark.parametrize(
    "changes",
    [
        {"frame": "world"},
        {"frame": ""},
        {"position": (math.nan, 0.0, 0.3)},
        {"orientation": (0.0, 0.0, 0.0, 0.0)},
        {"orientation": (math.nan, 0.0, 0.0, 1.0)},
    ],
    ids=["other frame", "no frame", "nan", "no quaternion", "nan in the quaternion"],
)
def test_an_invalid_target_does_not_move_the_hand(wire: Wire, changes: dict[str, Any]) -> None:
    before = wire.position
    wire.send(**{"position": (0.5, 0.0, 0.3)} | changes)
    np.testing.assert_allclose(wire.position, before, atol=1e-3)


def test_an_invalid_twist_does_not_move_the_hand(wire: Wire) -> None:
    before = wire.position
    wire.send_twist([0.0, math.inf, 0.0], [0.0] * 3)
    np.testing.assert_allclose(wire.position, before, atol=1e-3)


def test_joints_go_to_the_commanded_positions_by_name(wire: Wire) -> None:
    wire.client.reset(SEED)
    wanted = wire.joints + np.array([0, 0.05, 0, 0, 0, -0.1, 0])
    wire.send_joints(panda_joint6=wanted[5], panda_joint3=math.nan, panda_joint2=wanted[1])
    np.testing.assert_allclose(wire.joints, wanted, atol=2e-3)
    wire.send(CENTER)
    np.testing.assert_allclose(wire.position, CENTER, atol=2e-3)


def test_a_wrong_joint_command_is_logged_once(wire: Wire) -> None:
    wire.client.reset(SEED)
    before = wire.joints
    wire.heard["/rosout"].clear()
    for position in (0.0, 0.1):
        wire.send_joints(panda_joint8=position)
    np.testing.assert_allclose(wire.joints, before, atol=1e-3)
    wire.send_joints(panda_joint7=9.0)
    np.testing.assert_allclose(wire.joints, [*before[:6], 2.8973], atol=2e-3)
    wire.send_joints(panda_joint7=9.0)

    def logged() -> list[str]:
        return [log.msg for log in wire.heard["/rosout"] if log.name == "sim"]

    wire.client.spin_until(lambda: len(logged()) >= 2)
    assert len(logged()) == 2
    assert "no joint panda_joint8" in logged()[0]
    assert "clipped to the limits" in logged()[1]


def test_a_joint_command_without_a_position_for_each_name_does_not_move_the_arm(wire: Wire) -> None:
    wire.client.reset(SEED)
    before = wire.joints
    wire.send_joints(JointState(name=list(franka.JOINT_NAMES), velocity=[1.0] * 7))
    wire.send_joints(JointState(name=list(franka.JOINT_NAMES), position=[0.0] * 6))
    np.testing.assert_allclose(wire.joints, before, atol=1e-3)


def test_sampling_a_goal_does_not_move_the_hand(wire: Wire) -> None:
    before = wire.position
    image, place = wire.client.sample_goal(SEED)
    wire.client.settle()
    np.testing.assert_allclose(wire.position, before, atol=1e-3)
    assert image.encoding == "rgb8"
    assert (place >= TASK.workspace_min).all()
    assert (place <= TASK.workspace_max).all()


def test_time_never_jumps_back_on_a_reset(wire: Wire) -> None:
    wire.client.reset(SEED + 1)
    times = [seconds(message.clock) for message in wire.heard["/clock"]]
    assert (np.diff(times) > 0).all()


def test_negative_seed_is_refused_with_a_sentence(wire: Wire) -> None:
    with pytest.raises(ClientError, match="a seed must not be negative"):
        wire.client.reset(-1)


def test_with_system_time_stamps_are_system_time_and_there_is_no_clock(watcher: Client) -> None:
    began = time.time()
    heard: list[Image] = []
    words = ["-r", "__ns:=/lab", "-p", "system_time:=true"]
    with ManagedProcess("wm_planner_sim.simulator.node", ["--ros-args", *words]):
        subscription = ImageSubscription(
            watcher, Image, "/lab/rgb", heard.append, sensor_data_qos()
        )
        try:
            watcher.spin_until(lambda: len(heard) >= 3)
            topics = dict(watcher.get_publisher_names_and_types_by_node("sim", "/lab"))
        finally:
            subscription.close()
    stamps = [seconds(image.header.stamp) for image in heard]
    assert began < min(stamps) <= max(stamps) < time.time()
    assert (heard[0].width, heard[0].height) == (640, 480), "by default as Isaac Sim"
    assert "/lab/joint_states" in topics
    assert "/clock" not in topics


def test_an_unknown_task_ends_the_node_with_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    with start_simulator("task:=sweep") as simulator:
        assert simulator.process.wait(60) == 2
    assert "sim_node: there is no task 'sweep'; choose one of:" in capfd.readouterr().err
