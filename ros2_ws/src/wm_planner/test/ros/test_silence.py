"""Each silence has its own sentence: what comes, what is wanted, and what to change."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from geometry_msgs.msg import PoseStamped, WrenchStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Bool, String

from wm_planner.config import ImagesConfig
from wm_planner.control.permission import Enabling
from wm_planner.ros import silence
from wm_planner.ros.camera import Camera
from wm_planner.ros.commanded_joints import JointInput, other_names
from wm_planner.ros.enable_input import EnableInput
from wm_planner.ros.end_effector import EndEffectorInput
from wm_planner.ros.silence import Silence
from wm_planner.ros.transforms import FrameChange

SpinUntil = Callable[[Callable[[], bool]], None]


@pytest.fixture
def publish() -> Iterator[Callable[[Any, str], Any]]:
    """Creates a publisher in another DDS participant: one has a single type for each topic."""
    with contextlib.ExitStack() as ends:
        context = Context()
        context.init()
        ends.callback(context.try_shutdown)
        other = Node("other", context=context)
        ends.callback(other.destroy_node)
        yield lambda kind, topic: other.create_publisher(kind, topic, 1)


@pytest.fixture
def node(
    make_node: Callable[..., Node],
    executor: SingleThreadedExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> Node:
    monkeypatch.setattr(silence, "KEPT", 0.0)
    node = make_node("silent")
    executor.add_node(node)
    return node


def test_a_topic_without_publisher_names_those_of_its_type(
    node: Node, spin_until: SpinUntil
) -> None:
    quiet = Silence(node, "/silent/pose", PoseStamped)
    assert quiet.why() == "it has no publisher"
    node.create_publisher(PoseStamped, "/franka/current_pose", 1)
    node.create_publisher(String, "/franka/name", 1)
    spin_until(lambda: "/franka/current_pose" in quiet.why())
    assert "/franka/name" not in quiet.why()


@pytest.mark.parametrize(
    ("transport", "comes", "words"),
    [
        ("raw", CompressedImage, "set images.transport to compressed"),
        ("compressed", Image, "set images.transport to raw"),
        ("raw", String, "remap it to a topic of sensor_msgs/msg/Image"),
    ],
)
def test_a_camera_of_another_type_is_named_with_the_setting(
    node: Node, publish: Any, spin_until: SpinUntil, transport: str, comes: Any, words: str
) -> None:
    images = ImagesConfig(transport=transport, reliability="best_effort")
    camera = Camera(node, images, 1.0, lambda: None, "camera")
    publish(comes, camera.topic)
    spin_until(lambda: words in camera.problem)
    assert f"it carries {silence.type_name(comes)}, but" in camera.problem
    camera.close()


def test_a_pose_or_a_button_of_another_type_is_named(
    node: Node, publish: Any, spin_until: SpinUntil
) -> None:
    pose = EndEffectorInput(node, FrameChange(node, "base"), 1.0, lambda pose: None)
    enabling = Enabling(1.0)
    EnableInput(node, enabling)
    publish(WrenchStamped, "current_pose")
    publish(String, "enable")
    spin_until(lambda: "carries geometry_msgs/msg/WrenchStamped" in pose.problem)
    spin_until(lambda: "carries std_msgs/msg/String, but std_msgs/msg/Bool" in enabling.why_not(0))


def test_joints_of_another_prefix_are_named(node: Node, spin_until: SpinUntil) -> None:
    joints = JointInput(node, ["panda_joint1", "panda_joint2"], 1.0, lambda pose: None)
    publisher = node.create_publisher(JointState, "joint_states", 1)
    message = JointState(name=["fr3_joint1", "fr3_joint2", "fr3_finger"], position=[0.0] * 3)

    def told() -> bool:
        publisher.publish(message)
        return "set commands.joints to fr3_joint1, fr3_joint2" in joints.problem

    spin_until(told)
    assert "it names fr3_joint1, fr3_joint2, fr3_finger" in joints.problem
    assert "panda_joint1, panda_joint2 are needed" in joints.problem


def test_names_that_fit_no_joint_are_not_guessed() -> None:
    said = other_names(["a_joint1", "b_joint1"], ["panda_joint1"], "commands.joints")
    assert said.endswith("set commands.joints to the names of the arm")


def test_a_silent_publisher_is_called_so(node: Node, spin_until: SpinUntil) -> None:
    quiet = Silence(node, "/quiet", Bool)
    node.create_publisher(Bool, "/quiet", 1)
    spin_until(lambda: quiet.why() == "its publisher is silent")


def _nameless(host: bytes) -> SimpleNamespace:
    return SimpleNamespace(
        node_name="_NODE_NAME_UNKNOWN_",
        topic_type="std_msgs/msg/Bool",
        endpoint_gid=host + bytes(8),
    )


def test_a_publisher_on_another_host_whose_name_never_arrives(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = Silence(node, "/far", Bool)
    monkeypatch.setattr(silence, "NAMELESS", 0.0)
    monkeypatch.setattr(
        node, "get_publishers_info_by_topic", lambda topic: [_nameless(b"\x01\x0f\x12\x34")]
    )
    assert "does a firewall, or the network, stop its data?" in quiet.why()


PUBLISHER = """
import os, rclpy
from std_msgs.msg import Bool

def publish():
    rclpy.init()
    node = rclpy.create_node("of_another_user")
    publisher = node.create_publisher(Bool, "/of_another_user", 1)
    node.create_timer(0.05, lambda: publisher.publish(Bool()))
    return node

publish().destroy_node()  # imports all that the other user may not be allowed to read
rclpy.shutdown()
os.environ["ROS_LOG_DIR"] = "/tmp"
os.setgid(65534), os.setuid(65534)
rclpy.spin(publish())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of another user")
@pytest.mark.skipif(
    "fastrtps" not in get_rmw_implementation_identifier(), reason="concerns Fast DDS"
)
def test_shared_memory_of_another_user_is_named(node: Node, spin_until: SpinUntil) -> None:
    heard: list[Any] = []
    node.create_subscription(Bool, "/of_another_user", heard.append, 1)
    quiet = Silence(node, "/of_another_user", Bool)
    with subprocess.Popen([sys.executable, "-c", PUBLISHER]) as publisher:
        try:
            spin_until(lambda: heard or "runs as another user (nobody)" in quiet.why())
            if heard:
                pytest.skip("this version of Fast DDS passes messages between users")
            assert "FASTDDS_BUILTIN_TRANSPORTS=UDPv4" in quiet.why()
        finally:
            publisher.kill()
