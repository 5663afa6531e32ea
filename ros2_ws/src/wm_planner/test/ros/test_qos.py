"""QoS of pose and state can be set by parameters, and what does not fit is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy

from wm_planner.ros.pose import PoseInput

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
        inputs = PoseInput(node, "base", 1.0, lambda pose: None)
        profile = inputs._subscription.qos_profile
        assert (profile.reliability, profile.depth) == (ReliabilityPolicy.RELIABLE, 7)
        inputs.close()


def test_a_pose_that_cannot_arrive_is_told_in_a_sentence(
    node: Node, executor: SingleThreadedExecutor, spin_until: Callable[..., None]
) -> None:
    inputs = PoseInput(node, "base", 1.0, lambda pose: None)
    node.create_publisher(
        PoseStamped, "current_pose", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    )
    executor.add_node(node)
    spin_until(lambda: "QoS" in inputs.problem, lambda: inputs.problem)
    assert inputs.problem == (
        "current_pose: a publisher has an incompatible QoS policy (reliability), so that nothing "
        "arrives from it: make both ends agree"
    )
