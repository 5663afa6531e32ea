"""Where the measured pose comes from, and poses in other frames.

Most of it needs tf2_ros, which is of ROS 2's installation and not on PyPI; without it these tests
are skipped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from frames import TURNED, TFMessage, transform, with_tf
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

from wm_planner.config import CommandsConfig, Config, ConfigError, InputsConfig, ProprioConfig
from wm_planner.control.action_mapping import command_mapping
from wm_planner.control.permission import Permission
from wm_planner.models import ModelSpec
from wm_planner.models.spec import Moments, ProprioSpec
from wm_planner.ros.end_effector import EndEffectorInput
from wm_planner.ros.inputs import Inputs
from wm_planner.ros.proprio import ProprioInput
from wm_planner.ros.rates import RateMonitor
from wm_planner.ros.tf_input import TfInput
from wm_planner.ros.transforms import FrameChange
from wm_planner.types import Pose


@with_tf
def test_a_pose_in_another_frame_is_brought_into_that_of_the_actions(nodes: Any) -> None:
    planner, arm, until = nodes
    poses: list[Pose] = []
    frames = FrameChange(planner, "base")
    measured = EndEffectorInput(planner, frames, 1.0, poses.append)
    kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    static = arm.create_publisher(TFMessage, "/tf_static", kept)
    output = arm.create_publisher(PoseStamped, "current_pose", 1)

    def send() -> str:
        message = PoseStamped()
        message.header.frame_id = "stand"
        message.header.stamp = planner.get_clock().now().to_msg()
        message.pose.position.x = 0.5
        message.pose.orientation.w = 1.0
        output.publish(message)
        return measured.problem

    said = "it is in frame 'stand', but the model's actions are in 'base', and /tf_static does not"
    until(lambda: said in send())
    assert poses == []
    static.publish(TFMessage(transforms=[transform("base", "stand", [0.1, 0.2, 0.3], TURNED)]))
    until(lambda: send() == "" and bool(poses))
    at = TURNED.apply([0.5, 0, 0]) + np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose(poses[-1].position, at, atol=1e-9)
    np.testing.assert_allclose(poses[-1].orientation, TURNED.as_quat(), atol=1e-9)
    assert frames.problem == ""
    static.publish(TFMessage(transforms=[transform("base", "stand", [0.9, 0.2, 0.3])]))
    until(lambda: "frame 'stand' is published in two ways" in frames.problem)


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
    node = make_node("both")
    with pytest.raises(ConfigError, match=r"commands\.kinematics is set, so that joint_states"):
        Inputs(node, config, spec, mapping, permission, RateMonitor(), listener)
    config.commands.kinematics, mapping = "", replace(mapping, joints=["a", "b", "c"])
    with pytest.raises(ConfigError, match=r"the model's actions move joints, so that joint_stat"):
        Inputs(node, config, spec, mapping, permission, RateMonitor(), listener)


def test_a_refused_pose_leaves_no_subscription(
    make_node: Callable[..., Node], spec: ModelSpec
) -> None:
    node, config = make_node("refused"), Config(inputs=InputsConfig(pose="tf"))
    config.proprio = ProprioConfig(source="joint_states")
    spec.proprio, spec.statistics.proprio = ProprioSpec(["a"], ["rad"]), Moments([0.0], [1.0])
    permission, mapping = Permission.of(config, spec), command_mapping(spec, config.commands)
    listener: Any = None
    before = len(list(node.subscriptions))
    with pytest.raises(ConfigError, match=r"commands\.tip must be"):
        Inputs(node, config, spec, mapping, permission, RateMonitor(), listener)
    assert len(list(node.subscriptions)) == before


def test_the_proprio_comes_with_the_pose(make_node: Callable[..., Node], spec: ModelSpec) -> None:
    node, updates = make_node("proprio"), list[float]()
    config = Config(inputs=InputsConfig(pose="tf"), proprio=ProprioConfig(source="pose"))
    spec.proprio = ProprioSpec(["x", "qw"], ["m", "1"])
    spec.statistics.proprio = Moments([0.0] * 2, [1.0] * 2)
    proprio = ProprioInput(node, config, spec, updates.append, FrameChange(node, "base"))
    assert "no x arrived yet: it comes with the measured pose (inp" in proprio.missing(100.0)
    proprio.take(Pose(np.array([0.4, 0, 0]), np.array([0, 0, 0, 1.0]), 1.0, 100.0))
    assert updates == [100.0]
    np.testing.assert_array_equal(proprio.at(100.0), [0.4, 1.0])


def _inputs(node: Node, config: Config, spec: ModelSpec) -> Inputs:
    listener: Any = SimpleNamespace(on_pose=id, on_contact=id)
    permission, mapping = Permission.of(config, spec), command_mapping(spec, config.commands)
    return Inputs(node, config, spec, mapping, permission, RateMonitor(), listener)


def test_a_frame_that_is_fixed_in_two_ways_counts_as_a_second_publisher(
    make_node: Callable[..., Node], spec: ModelSpec
) -> None:
    inputs = _inputs(make_node("twice"), Config(), spec)
    assert inputs.other_publishers == []
    frames: Any = SimpleNamespace(twice=lambda base, tip: "frame 'stand' is published in two ways")
    inputs._frames._transforms = frames
    assert inputs.other_publishers == ["frame 'stand' is published in two ways"]
    assert inputs.stops == "frame 'stand' is published in two ways"


@with_tf
def test_the_measured_pose_reaches_the_proprio(
    make_node: Callable[..., Node], spec: ModelSpec
) -> None:
    config = Config(inputs=InputsConfig(pose="tf"), proprio=ProprioConfig(source="pose"))
    config.commands.tip = "tool"
    spec.proprio, spec.statistics.proprio = ProprioSpec(["x"], ["m"]), Moments([0.0], [1.0])
    inputs = _inputs(make_node("proprio"), config, spec)
    inputs._on_pose(Pose(np.array([0.4, 0, 0]), np.array([0, 0, 0, 1.0]), 1.0, 100.0))
    np.testing.assert_array_equal(inputs.observer._proprio.at(100.0), [0.4])
