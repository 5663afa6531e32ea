"""Measured poses are passed on, or dropped and reported."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from geometry_msgs.msg import Point, PoseStamped, Quaternion
from rclpy.node import Node
from sensor_msgs.msg import JointState

from wm_planner.ros.end_effector import EndEffectorInput
from wm_planner.ros.transforms import FrameChange
from wm_planner.types import Pose


class Input:
    """A pose input, and the poses that it passed on."""

    def __init__(self, node: Node) -> None:
        self.poses: list[Pose] = []
        self.pose = EndEffectorInput(node, FrameChange(node, "base"), 1.0, self.poses.append)

    def take(self, frame: str = "base", x: float = 0.5, w: float = 1.0) -> None:
        message = PoseStamped()
        message.header.frame_id = frame
        message.pose.position = Point(x=x, y=0.0, z=0.3)
        message.pose.orientation = Quaternion(x=0.0, y=0.0, z=0.0, w=w)
        self.pose._on_message(message, {"publication_sequence_number": None})


@pytest.fixture
def measured(make_node: Callable[..., Node]) -> Input:
    return Input(make_node("pose"))


def test_a_good_pose_is_passed_on(measured: Input) -> None:
    measured.take()
    np.testing.assert_array_equal(measured.poses[0].position, [0.5, 0.0, 0.3])
    np.testing.assert_array_equal(measured.poses[0].orientation, [0.0, 0.0, 0.0, 1.0])
    assert measured.pose.problem == ""


def test_a_pose_in_another_frame_is_dropped_and_both_frames_are_named(measured: Input) -> None:
    measured.take(frame="fr3_link0")
    assert measured.poses == []
    assert "'fr3_link0'" in measured.pose.problem
    assert "'base'" in measured.pose.problem


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("joint_states", "with commands.kinematics the pose is computed"),
        ("/tf", "Frames arrive on /tf: with inputs.pose=tf and commands.tip the pose is taken"),
    ],
)
def test_what_arrives_instead_of_a_pose_is_named_with_its_setting(
    nodes: tuple[Node, Node, Callable[..., None]], topic: str, words: str
) -> None:
    planner, arm, until = nodes
    measured = Input(planner)
    assert words not in measured.pose.problem
    arm.create_publisher(JointState, topic, 1)
    until(lambda: words in measured.pose.problem)
    measured.take()
    assert measured.pose.problem == ""


@pytest.mark.parametrize(
    ("x", "w", "words"), [(np.nan, 1.0, "not finite"), (0.5, 0.5, "has a length of 0.500, not 1")]
)
def test_an_invalid_pose_is_dropped_and_reported(
    measured: Input, x: float, w: float, words: str
) -> None:
    measured.take(x=x, w=w)
    assert measured.poses == []
    assert words in measured.pose.problem
    measured.take()
    assert measured.pose.problem == ""
