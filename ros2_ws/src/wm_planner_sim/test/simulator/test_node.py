"""The simulator's node over DDS."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import UInt32
from wire import Wire, seconds_of
from wm_planner_msgs.srv import ResetScene

from wm_planner.ros.image_reader import ImageSubscription
from wm_planner.ros.qos import sensor_data_qos
from wm_planner_sim.client.calls import ClientError, call
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.processes import ManagedProcess, start_simulator
from wm_planner_sim.simulator import franka
from wm_planner_sim.simulator.node import time_of
from wm_planner_sim.simulator.pacing import WAIT
from wm_planner_sim.simulator.simulation import TWIST_TIMEOUT
from wm_planner_sim.simulator.tasks import TASKS

pytestmark = pytest.mark.dds
SEED = 1_500_000
TASK = TASKS["reach"]
CENTER = (np.array(TASK.workspace_min) + np.array(TASK.workspace_max)) / 2


@pytest.fixture(scope="module")
def wire(simulator: ManagedProcess, watch: Any) -> Iterator[Wire]:
    with watch("no_planner") as client:
        wire = Wire(client)
        try:
            client.spin_until(lambda: all(wire.heard[n] for n in ("joint_states", "rgb")))
            client.spin_until(wire.heard_by_simulator)
            client.spin_until(lambda: client.reflexes == 0)  # or the check of all tests is blind
            client.reset(SEED)
            yield wire
        finally:
            wire.close()


def test_images_are_as_isaac_publishes_them(wire: Wire) -> None:
    image = wire.heard["rgb"][-1]
    assert (image.height, image.width, image.encoding) == (120, 160, "rgb8")
    assert (image.step, len(image.data)) == (3 * 160, 3 * 160 * 120)
    assert image.header.frame_id == "sim_camera"
    info = wire.client.get_publishers_info_by_topic("/rgb")[0]
    assert info.qos_profile.reliability == ReliabilityPolicy.RELIABLE


def test_camera_info_belongs_to_the_image(wire: Wire) -> None:
    stamp = seconds_of(wire.heard["rgb"][-1].header.stamp)
    infos = wire.heard["camera_info"]
    wire.client.spin_until(lambda: any(seconds_of(i.header.stamp) == stamp for i in infos))
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
    wire.go(target)
    np.testing.assert_allclose(wire.position, target, atol=2e-3)


def apart(found: Any, wanted: Any) -> float:
    """Return the angle between two orientations (x, y, z, w) [degrees]."""
    turn = Rotation.from_quat(found) * Rotation.from_quat(wanted).inv()
    return math.degrees(turn.magnitude())


def test_hand_turns_to_the_target(wire: Wire) -> None:
    wire.client.reset(SEED)
    turned = Rotation.from_rotvec([0.0, 0.4, 0.3]) * Rotation.from_quat(franka.DOWN_XYZW)
    wire.go(CENTER, turned.as_quat())
    np.testing.assert_allclose(wire.position, CENTER, atol=2e-3)
    assert apart(wire.client.orientation, turned.as_quat()) < 1


def test_hand_follows_a_twist_for_its_timeout(wire: Wire) -> None:
    wire.client.reset(SEED)
    wire.go(CENTER)
    before, still = wire.position, wire.client.orientation
    wire.send_twist([0.1, 0.0, 0.0], [0.0, 0.0, 0.5])
    np.testing.assert_allclose(wire.position - before, [0.1 * TWIST_TIMEOUT, 0, 0], atol=2e-3)
    turned = Rotation.from_rotvec([0.0, 0.0, 0.5 * TWIST_TIMEOUT]) * Rotation.from_quat(still)
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
    wire.go_joints(panda_joint6=wanted[5], panda_joint2=wanted[1])
    wire.send_joints(panda_joint6=wanted[5], panda_joint3=math.nan)
    np.testing.assert_allclose(wire.joints, wanted, atol=2e-3)
    wire.go(CENTER)
    np.testing.assert_allclose(wire.position, CENTER, atol=2e-3)


def test_a_wrong_joint_command_is_logged_once(wire: Wire) -> None:
    wire.client.reset(SEED)
    before = wire.joints
    wire.heard["/rosout"].clear()
    for position in (0.0, 0.1):
        wire.send_joints(panda_joint8=position)
    np.testing.assert_allclose(wire.joints, before, atol=1e-3)
    wire.go_joints(panda_joint7=2.89)
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
    times = [seconds_of(message.clock) for message in wire.heard["/clock"]]
    assert (np.diff(times) > 0).all()


def test_the_rest_of_a_stream_does_not_move_the_arm_after_a_reset(wire: Wire) -> None:
    reset = wire.client.create_client(ResetScene, "sim/reset")
    wire.client.spin_until(reset.service_is_ready)
    clock = wire.heard["/clock"]
    while True:  # until this process is not held up, which would be the end of the stream
        wire.client.reset(SEED)
        place, future, asked, stamps = wire.position, None, 0.0, []
        aside = place + np.array([0.0, 0.0, 0.008 if place[2] < 0.2 else -0.008])
        while future is None or not future.done() or stamps[-1] < asked + 0.1:
            count = len(clock)
            wire.client.spin_until(lambda heard=count: len(clock) > heard)
            wire.send(aside, wait=False)
            stamps.append(seconds_of(clock[-1].clock))
            if future is None and stamps[-1] - stamps[0] > 0.5:
                future = reset.call_async(ResetScene.Request(seed=SEED))
                asked = stamps[-1]
        if np.diff(stamps).max() < 0.07 and stamps[-1] < asked + 0.4:
            break
    wire.client.settle()
    np.testing.assert_allclose(wire.position, place, atol=1e-3)
    wire.go(CENTER)
    np.testing.assert_allclose(wire.position, CENTER, atol=2e-3)
    wire.client.destroy_client(reset)


def test_simulated_time_waits_for_the_next_command_of_a_moving_arm(wire: Wire) -> None:
    wire.client.reset(SEED)
    wire.go(CENTER)
    sent: list[float] = []  # times at which the simulator published its clock [s]

    def on_clock(message: Clock, info: dict[str, Any]) -> None:
        sent.append(1e-9 * info["source_timestamp"])

    subscription = wire.client.create_subscription(Clock, "/clock", on_clock, 100)
    clock = wire.heard["/clock"]
    for k in range(30):
        count = len(clock)
        wire.client.spin_until(lambda heard=count: len(clock) > heard)
        wire.send(CENTER + np.array([0.0, 6e-5 * k**2, 0.0]), wait=False)
    wire.client.settle()
    wire.client.destroy_subscription(subscription)
    assert np.diff(sent).max() > 0.9 * WAIT


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
    stamps = [seconds_of(image.header.stamp) for image in heard]
    assert began < min(stamps) <= max(stamps) < time.time()
    assert (heard[0].width, heard[0].height) == (640, 480), "by default as Isaac Sim"
    assert "/lab/joint_states" in topics
    assert "/clock" not in topics


def test_a_jump_stops_the_arm_by_a_reflex_until_a_reset(
    watcher: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    counts: list[int] = []
    heights: list[float] = []
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    subscriptions = [
        watcher.create_subscription(
            UInt32, "/lab/sim/reflexes", lambda m: counts.append(m.data), latched
        ),
        watcher.create_subscription(
            PoseStamped, "/lab/current_pose", lambda m: heights.append(m.pose.position.z), 100
        ),
    ]
    target = watcher.create_publisher(PoseStamped, "/lab/target_pose", 1)
    reset = watcher.create_client(ResetScene, "/lab/sim/reset")
    far = PoseStamped()
    far.header.frame_id = franka.BASE_FRAME
    far.pose.orientation.x, far.pose.orientation.w = 1.0, 0.0
    far.pose.position.x, far.pose.position.z = 0.5, 0.4
    words = ["-r", "__ns:=/lab", "-r", "/clock:=/lab/clock"]
    with ManagedProcess("wm_planner_sim.simulator.node", ["--ros-args", *words]):
        watcher.spin_until(lambda: counts == [0] and heights and target.get_subscription_count())
        assert abs(heights[-1] - far.pose.position.z) > 0.05
        target.publish(far)
        watcher.spin_until(lambda: counts == [0, 1])
        target.publish(far)
        call(reset, ResetScene.Request(seed=SEED), watcher.executor)
        count = len(heights)
        watcher.spin_until(lambda: len(heights) > count + 30)  # what came before is left out
        target.publish(far)
        watcher.spin_until(lambda: counts == [0, 1, 2])
    assert "stopped by a reflex: the acceleration of joint" in capfd.readouterr().err
    for subscription in subscriptions:
        watcher.destroy_subscription(subscription)
    watcher.destroy_publisher(target)


@pytest.mark.parametrize("clock", [0.0, 1.7e9], ids=["simulated time", "system time"])
@pytest.mark.parametrize(
    ("stamp", "time"),
    [(-0.04, 9.96), (0.0, 10.0), (0.015, 10.015), (-3.0, 10.0), (3.0, 10.0)],
    ids=["late", "prompt", "after the tick", "of another clock", "of a clock ahead"],
)
def test_a_command_counts_from_its_stamp(clock: float, stamp: float, time: float) -> None:
    assert time_of(clock + 10.0 + stamp, clock + 10.0, 10.0) == pytest.approx(time, abs=1e-6)


def test_a_stamp_that_repeats_stays_the_same_at_other_ticks() -> None:
    ticks = [10.0 + 0.02 * k for k in range(40)]
    assert len({time_of(10.3, tick, tick) for tick in ticks}) == 1


def test_an_unknown_task_ends_the_node_with_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    with start_simulator("task:=sweep") as simulator:
        assert simulator.process.wait(60) == 2
    assert "sim_node: there is no task 'sweep'; choose one of:" in capfd.readouterr().err
