"""QoS of pose and state can be set by parameters, and what does not fit is told."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy

from wm_planner.ros.pose import PoseInput

pytestmark = pytest.mark.dds


@pytest.fixture
def node() -> Iterator[Node]:
    context = Context()
    context.init()
    prefix = "qos_overrides./current_pose.subscription"
    overrides = [
        Parameter(f"{prefix}.reliability", value="reliable"),
        Parameter(f"{prefix}.depth", value=7),
    ]
    node = Node("qos", context=context, parameter_overrides=overrides)
    yield node
    node.destroy_node()
    context.try_shutdown()


def test_reliability_and_depth_of_the_pose_are_parameters(node: Node) -> None:
    for _ in range(2):  # also when the node is configured again
        inputs = PoseInput(node, "base", 1.0, lambda pose: None)
        profile = inputs._subscription.qos_profile
        assert (profile.reliability, profile.depth) == (ReliabilityPolicy.RELIABLE, 7)
        inputs.close()


def test_a_pose_that_cannot_arrive_is_told_in_a_sentence(node: Node) -> None:
    inputs = PoseInput(node, "base", 1.0, lambda pose: None)
    node.create_publisher(
        PoseStamped, "current_pose", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    )
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    end = time.monotonic() + 20
    while "QoS" not in inputs.problem and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.05)
    executor.shutdown()
    assert inputs.problem == (
        "current_pose: a publisher has an incompatible QoS policy (reliability), so that nothing "
        "arrives from it: make both ends agree"
    )
