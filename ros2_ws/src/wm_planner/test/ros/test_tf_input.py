"""The measured pose by TF, and poses in other frames.

Most of it needs tf2_ros, which is of ROS 2's installation and not on PyPI; without it these tests
are skipped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped, TransformStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from scipy.spatial.transform import Rotation

from wm_planner.config import CommandsConfig, Config, ConfigError, InputsConfig, ProprioConfig
from wm_planner.control.action_mapping import command_mapping
from wm_planner.control.permission import Permission
from wm_planner.models import ModelSpec
from wm_planner.models.spec import Moments, ProprioSpec
from wm_planner.ros.end_effector import EndEffectorInput
from wm_planner.ros.inputs import Inputs
from wm_planner.ros.proprio import ProprioInput
from wm_planner.ros.rates import RateMonitor
from wm_planner.ros.ros_time import now, seconds_to_time
from wm_planner.ros.tf_input import TfInput
from wm_planner.ros.transforms import MAX_FRAMES, FrameChange, Transforms
from wm_planner.types import Pose

try:
    import tf2_ros
    from tf2_msgs.msg import TFMessage
except ImportError:
    tf2_ros = TFMessage = None
with_tf = pytest.mark.skipif(tf2_ros is None, reason="tf2_ros is not installed")
TURNED = Rotation.from_euler("xyz", [0.4, -0.5, 0.6])
INFO = {"publication_sequence_number": None}


def transform(
    parent: str,
    child: str,
    at: Any = (0, 0, 0),
    turned: Rotation | None = None,
    stamp: float = 0.0,
) -> TransformStamped:
    made = TransformStamped()
    made.header.frame_id, made.child_frame_id = parent, child
    made.header.stamp = seconds_to_time(stamp)
    moved = made.transform.translation
    moved.x, moved.y, moved.z = map(float, at)
    turn = made.transform.rotation
    turn.x, turn.y, turn.z, turn.w = (turned or Rotation.identity()).as_quat().tolist()
    return made


class Tf:
    """A pose by TF, and the poses that it passed on."""

    def __init__(self, node: Node) -> None:
        self.node, self.poses = node, list[Pose]()
        self.input = TfInput(node, "base", "tool", 1.0, self.poses.append)

    def take(self, *transforms: TransformStamped) -> None:
        self.input._on_message(TFMessage(transforms=list(transforms)), INFO)

    def static(self, *transforms: TransformStamped) -> None:
        self.input._transforms.add(TFMessage(transforms=list(transforms)), static=True)

    @property
    def now(self) -> float:
        return now(self.node)


@pytest.fixture
def tf(make_node: Callable[..., Node]) -> Tf:
    return Tf(make_node("by_tf"))


@with_tf
def test_the_pose_is_that_of_all_transforms_to_the_tip(tf: Tf) -> None:
    stamp = tf.now
    tf.static(transform("wrist", "tool", [0, 0, 0.1]))
    tf.take(
        transform("base", "elbow", [0.3, 0, 0.5], TURNED, stamp),
        transform("elbow", "wrist", [0, 0.2, 0], TURNED, stamp),
    )
    (pose,) = tf.poses
    wrist = TURNED.apply(np.array([0, 0.2, 0]) + TURNED.apply([0, 0, 0.1]))
    np.testing.assert_allclose(pose.position, np.array([0.3, 0, 0.5]) + wrist, atol=1e-9)
    turned = (TURNED * TURNED).inv() * Rotation.from_quat(pose.orientation)
    assert turned.magnitude() < 1e-6
    assert tf.input.problem == ""


@with_tf
def test_the_stamp_is_that_of_the_oldest_part_and_counts_once(tf: Tf) -> None:
    first = tf.now - 0.5
    elbow = [transform("base", "elbow", stamp=first + later) for later in (0.0, 0.2)]
    tf.take(*elbow, transform("elbow", "tool", stamp=first))
    assert [pose.stamp for pose in tf.poses] == pytest.approx([first])
    tf.take(transform("base", "elbow", [0.1, 0, 0], stamp=first + 0.4))
    tf.take(transform("base", "camera", stamp=first + 0.4))
    assert len(tf.poses) == 1, "the other part stands still"
    tf.take(transform("elbow", "tool", stamp=first + 0.1))
    assert [pose.stamp for pose in tf.poses] == pytest.approx([first, first + 0.1])


@with_tf
def test_what_is_missing_is_said(nodes: Any) -> None:
    planner, arm, until = nodes
    tf = Tf(planner)
    until(lambda: "no usable message on /tf yet: it has no publisher" in tf.input.problem)
    arm.create_publisher(TFMessage, "/tf", 1)

    def why() -> str:
        return tf.input._silence._find()

    until(lambda: "its publisher is silent" in why())
    tf.take(transform("base", "elbow", stamp=tf.now))
    assert "no frame 'tool' arrives on /tf or /tf_static; there are base, elbow" in why()
    assert "(commands.base, commands.tip)" in why()
    tf.take(transform("elbow", "tool0", stamp=tf.now))
    assert "'tool' arrives on /tf or /tf_static: did you mean tool0?" in why()
    tf.static(transform("world", "tool"))
    tf.take(transform("base", "elbow", stamp=tf.now))
    assert "/tf and /tf_static do not lead from 'base' to 'tool'" in why()
    tf.static(transform("base", "tool"))
    tf.take(transform("base", "elbow", stamp=tf.now))
    assert "no transform between 'base' and 'tool' moves" in why()
    assert tf.poses == []


@with_tf
def test_a_part_that_stands_still_or_is_old_is_no_pose(tf: Tf) -> None:
    old = tf.now - 5.0
    elbow = [transform("base", "elbow", stamp=stamp) for stamp in (old, tf.now)]
    tf.take(*elbow, transform("elbow", "tool", stamp=old))
    assert tf.poses == []
    assert "/tf is 5.0" in tf.input.problem
    tf.take(transform("base", "elbow", stamp=tf.now))
    assert "not all transforms between 'base' and 'tool' go on" in tf.input.unrelated


@with_tf
def test_after_a_restart_of_time_the_new_transforms_count(tf: Tf) -> None:
    late, early = tf.now + 0.05, tf.now - 0.9  # the old time is ahead by a little less than 1 s
    tf.static(transform("wrist", "tool"))
    tf.take(transform("base", "wrist", [1, 0, 0], stamp=late + 0.5))
    tf.poses.clear()
    tf.take(transform("base", "wrist", [2, 0, 0], stamp=early))
    assert [pose.position[0] for pose in tf.poses] == [2.0]


@with_tf
@pytest.mark.parametrize(
    "wrong",
    [
        transform("base", "tool", [np.nan, 0, 0], stamp=1.0),
        transform("", "tool"),
        transform("base", ""),
        transform("tool", "tool"),
        transform("base" * 100, "tool"),
        TransformStamped(child_frame_id="tool"),
    ],
)
def test_transforms_that_cannot_be_are_left_out(tf: Tf, wrong: TransformStamped) -> None:
    good = transform("base", "tool", [0.4, 0, 0], stamp=tf.now)
    wrong.transform.rotation.w *= 1.0 if wrong.header.frame_id else 1.3
    tf.take(wrong, good)
    assert [pose.position[0] for pose in tf.poses] == [0.4]
    turned = transform("base", "tool", stamp=tf.now)
    turned.transform.rotation.w = 1.3
    negative = transform("base", "tool")
    negative.header.stamp = Time(sec=-1)
    tf.take(turned, negative)
    assert len(tf.poses) == 1


@with_tf
def test_a_flood_of_frames_is_not_remembered(tf: Tf) -> None:
    for i in range(0, 2 * MAX_FRAMES, 100):
        tf.take(*(transform("base", f"frame{j}", stamp=tf.now) for j in range(i, i + 100)))
    assert len(tf.input._transforms._parents) == MAX_FRAMES


@with_tf
def test_a_circle_of_frames_does_not_hang(tf: Tf) -> None:
    tf.take(transform("a", "tool", stamp=tf.now), transform("tool", "a", stamp=tf.now))
    assert tf.input._transforms.chain("base", "tool") == {"a", "tool"}
    assert tf.poses == []


@with_tf
def test_a_pose_in_another_frame_is_brought_into_that_of_the_actions(nodes: Any) -> None:
    planner, arm, until = nodes
    poses: list[Pose] = []
    measured = EndEffectorInput(planner, FrameChange(planner, "base"), 1.0, poses.append)
    kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    static = arm.create_publisher(TFMessage, "/tf_static", kept)
    output = arm.create_publisher(PoseStamped, "current_pose", 1)

    def send() -> None:
        message = PoseStamped()
        message.header.frame_id = "stand"
        message.header.stamp = planner.get_clock().now().to_msg()
        message.pose.position.x = 0.5
        message.pose.orientation.w = 1.0
        output.publish(message)

    def said(words: str) -> Callable[[], bool]:
        def heard() -> bool:
            send()
            return words in measured.problem

        return heard

    until(said("it is in frame 'stand', but the model's actions are in 'base', and no frame"))
    assert poses == []
    static.publish(TFMessage(transforms=[transform("base", "stand", [0.1, 0.2, 0.3], TURNED)]))
    until(said(""))
    until(lambda: send() or bool(poses))
    at = TURNED.apply([0.5, 0, 0]) + np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose(poses[-1].position, at, atol=1e-9)
    np.testing.assert_allclose(poses[-1].orientation, TURNED.as_quat(), atol=1e-9)


@with_tf
def test_a_moving_frame_must_be_of_the_time_of_the_pose(make_node: Callable[..., Node]) -> None:
    node = make_node("moving")
    frames, at = FrameChange(node, "base"), np.array([0.5, 0, 0, 0, 0, 0, 1.0])
    frames._transforms = Transforms(node, listen=False)
    frames._transforms.add(TFMessage(transforms=[transform("base", "cart", stamp=100.0)]))
    message = PoseStamped()
    message.header.frame_id, message.header.stamp = "cart", seconds_to_time(100.1)
    np.testing.assert_allclose(frames.brought(at, message.header), at)
    message.header.stamp = seconds_to_time(100.4)
    with pytest.raises(ValueError, match=r"between them is 0\.40 s away from it; at most 0\.2 s"):
        frames.brought(at, message.header)
    message.header.stamp = Time()
    with pytest.raises(ValueError, match="does its publisher run, with the same clock"):
        frames.brought(at, message.header)


def test_without_tf2_ros_its_package_is_named(
    make_node: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tf2_ros", None)
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    node = make_node("without")
    with pytest.raises(ConfigError, match=r"need tf2_ros.*install ros-jazzy-tf2-ros-py, and"):
        TfInput(node, "base", "tool", 1.0, lambda pose: None)
    frames, header = FrameChange(node, "base"), PoseStamped().header
    header.frame_id = "stand"
    with pytest.raises(ValueError, match=r"'stand'.*publish it in that frame; .*tf2-ros-py"):
        frames.brought(np.zeros(7), header)


@pytest.mark.parametrize("tip", ["", "base"])
def test_the_frame_of_the_hand_must_be_named(make_node: Callable[..., Node], tip: str) -> None:
    with pytest.raises(ConfigError, match=r"inputs\.pose is tf, so commands\.tip must be"):
        TfInput(make_node("nameless"), "base", tip, 1.0, lambda pose: None)


def test_tf_and_joints_are_not_both_asked_for_the_pose(
    make_node: Callable[..., Node], spec: ModelSpec
) -> None:
    config = Config(inputs=InputsConfig(pose="tf"), commands=CommandsConfig(kinematics="a.urdf"))
    permission, mapping = Permission.of(config, spec), command_mapping(spec, config.commands)
    listener: Any = None
    with pytest.raises(ConfigError, match=r"commands\.kinematics is set, so that joint_states"):
        Inputs(make_node("both"), config, spec, mapping, permission, RateMonitor(), listener)
    config.commands.kinematics, mapping = "", replace(mapping, joints=["a", "b", "c"])
    with pytest.raises(ConfigError, match=r"the model's actions move joints, so that joint_stat"):
        Inputs(make_node("both"), config, spec, mapping, permission, RateMonitor(), listener)


def test_the_proprio_comes_with_the_pose(make_node: Callable[..., Node], spec: ModelSpec) -> None:
    node, updates = make_node("proprio"), list[float]()
    config = Config(inputs=InputsConfig(pose="tf"), proprio=ProprioConfig(source="pose"))
    spec.proprio = ProprioSpec(["x", "qw"], ["m", "1"])
    spec.statistics.proprio = Moments([0.0] * 2, [1.0] * 2)
    proprio = ProprioInput(node, config, spec, updates.append, FrameChange(node, "base"))
    assert "no x arrived on /tf yet: it comes with the measured pose" in proprio.missing(100.0)
    proprio.take(Pose(np.array([0.4, 0, 0]), np.array([0, 0, 0, 1.0]), 1.0, 100.0))
    assert updates == [100.0]
    np.testing.assert_array_equal(proprio.at(100.0), [0.4, 1.0])
