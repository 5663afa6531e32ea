"""The pose of an arm that publishes only its joints: for the commands, and as proprio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from arms import HOME, panda
from rclpy.node import Node
from sensor_msgs.msg import JointState

from wm_planner.config import Config, ProprioConfig
from wm_planner.models import ModelSpec
from wm_planner.models.spec import Moments, ProprioRotation, ProprioSpec
from wm_planner.ros.commanded_joints import ArmInput
from wm_planner.ros.proprio import ProprioInput
from wm_planner.ros.transforms import FrameChange
from wm_planner.types import Pose

ARM = panda()
INFO = {"publication_sequence_number": None}
AT = ARM.pose(HOME)


def _state(node: Node, **changes: Any) -> JointState:
    names = [*ARM.joints[::-1], "finger"]
    fields = {"name": names, "position": [*HOME[::-1], 0.02], **changes}
    message = JointState(**fields)
    message.header.stamp = node.get_clock().now().to_msg()
    return message


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    return make_node("arm")


def test_joints_become_the_pose_of_the_tip(node: Node) -> None:
    poses: list[Pose] = []
    measured = ArmInput(node, ARM, 1.0, poses.append)
    measured._on_message(_state(node), INFO)
    (pose,) = poses
    np.testing.assert_allclose(pose.position, AT[:3])
    np.testing.assert_allclose(pose.orientation, AT[3:])
    np.testing.assert_array_equal(pose.joints, HOME)
    assert measured.problem == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"position": [np.nan] * 8}, "not finite"),
        ({"position": []}, "8 names but 0 numbers"),
        ({"name": ARM.joints[:6], "position": HOME[:6].tolist()}, "no position of panda_joint7"),
    ],
)
def test_joints_that_cannot_be_used_are_dropped(
    node: Node, changes: dict[str, Any], words: str
) -> None:
    poses: list[Pose] = []
    measured = ArmInput(node, ARM, 1.0, poses.append)
    measured._on_message(_state(node, **changes), INFO)
    assert poses == []
    assert words in measured.problem


def test_joints_of_another_arm_ask_for_its_urdf(node: Node) -> None:
    measured = ArmInput(node, ARM, 1.0, lambda pose: None)
    names = [f"fr3_joint{i}" for i in range(1, 8)]
    measured._on_message(_state(node, name=names, position=HOME.tolist()), INFO)
    assert "fr3_joint7" in measured.unrelated
    assert "give the URDF of this arm" in measured.unrelated


@pytest.fixture
def proprio(node: Node, spec: ModelSpec) -> ProprioInput:
    names = ["x", "y", "z", "r", "p", "w"]
    spec.proprio = ProprioSpec(
        names, ["m"] * 3 + ["rad"] * 3, rotation=ProprioRotation(names[3:], "euler_extrinsic_xyz")
    )
    spec.statistics.proprio = Moments([0.0] * 6, [1.0] * 6)
    return ProprioInput(
        node,
        Config(proprio=ProprioConfig(source="pose")),
        spec,
        lambda stamp: None,
        FrameChange(node, spec.action.frame),
        ARM,
    )


def test_a_pose_as_proprio_comes_from_the_joints(node: Node, proprio: ProprioInput) -> None:
    (subscription,) = proprio._subscriptions
    assert subscription.topic_name == "/joint_states"
    message = _state(node)
    subscription.callback(message, INFO)
    stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
    found = proprio.at(stamp)
    assert found is not None
    np.testing.assert_allclose(found[:3], AT[:3])
    np.testing.assert_allclose(np.abs(found[3:]), [np.pi, 0.0, 0.0], atol=1e-6)


def test_proprio_of_part_of_the_joints_waits_for_the_others(
    node: Node, proprio: ProprioInput
) -> None:
    (subscription,) = proprio._subscriptions
    subscription.callback(_state(node, name=["panda_joint1"], position=[0.0]), INFO)
    assert proprio.at(0.0) is None
    assert "set commands.kinematics" not in proprio.missing(0.0)
