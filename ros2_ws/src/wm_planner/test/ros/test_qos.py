"""The QoS of the pose is set by parameters, and incompatible publishers are reported."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_profile_sensor_data

from wm_planner.ros.commanded_joints import JointInput
from wm_planner.ros.end_effector import EndEffectorInput
from wm_planner.ros.qos import sensor_data_qos
from wm_planner.ros.transforms import FrameChange

pytestmark = pytest.mark.dds


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    prefix = "qos_overrides./current_pose.subscription"
    overrides = [
        Parameter(f"{prefix}.reliability", value="reliable"),
        Parameter(f"{prefix}.depth", value=7),
    ]
    return make_node("qos", parameter_overrides=overrides)


def test_reliability_and_depth_of_the_pose_are_parameters(node: Node) -> None:
    for _ in range(2):  # also when the node is configured again
        inputs = EndEffectorInput(node, FrameChange(node, "base"), 1.0, lambda pose: None)
        profile = inputs._subscription.qos_profile
        assert (profile.reliability, profile.depth) == (ReliabilityPolicy.RELIABLE, 7)
        inputs.close()


def test_an_override_of_one_topic_leaves_the_others_alone(node: Node) -> None:
    pose = EndEffectorInput(node, FrameChange(node, "base"), 1.0, lambda pose: None)
    joints = JointInput(node, ["joint1"], 1.0, lambda pose: None)
    assert pose._subscription.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    for profile in (joints._subscription.qos_profile, sensor_data_qos(), qos_profile_sensor_data):
        assert (profile.reliability, profile.depth) == (ReliabilityPolicy.BEST_EFFORT, 5)
    pose.close()
    joints.close()


def test_an_incompatible_publisher_of_the_pose_is_reported(
    node: Node, executor: SingleThreadedExecutor, spin_until: Callable[..., None]
) -> None:
    inputs = EndEffectorInput(node, FrameChange(node, "base"), 1.0, lambda pose: None)
    node.create_publisher(
        PoseStamped, "current_pose", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    )
    executor.add_node(node)
    spin_until(lambda: "QoS" in inputs.problem, lambda: inputs.problem)
    assert inputs.problem == (
        "current_pose: a publisher has an incompatible QoS policy (reliability), so that nothing "
        "arrives from it: make both ends agree"
    )


def test_no_code_uses_a_qos_profile_that_the_whole_process_shares() -> None:
    sources = Path(__file__).parents[3]
    files = [*sources.glob("*/wm_planner*/**/*.py"), *sources.parents[1].glob("benchmarks/*.py")]
    shared = [file.name for file in files if re.search(r"import .*qos_profile_", file.read_text())]
    assert len(files) > 100
    assert shared == []
