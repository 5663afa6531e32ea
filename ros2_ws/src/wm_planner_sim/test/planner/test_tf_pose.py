"""Over DDS: the arm's pose comes only by TF, from its joints.

It needs tf2_ros, which is of ROS 2's installation and not on PyPI; without it, it is skipped.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ament_index_python.packages import get_package_share_directory
from geometry_msgs.msg import TransformStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from reached import check_reached
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import JointState

from wm_planner.kinematics import Arm
from wm_planner_sim.client.processes import ManagedProcess, start_planner
from wm_planner_sim.simulator import franka, seeds

tf2_ros = pytest.importorskip("tf2_ros")
SEEDS = seeds.EVALUATION[6210:6215]
URDF = Path(get_package_share_directory("wm_planner")) / "config" / "robots" / "panda.urdf"
LINKS = ["panda_link3", "panda_link5", "panda_link7", "panda_hand_tcp"]  # the last one is fixed
NAME = "tf_planner"
EPISODE = 60.0  # [s] simulated, many times what a goal takes


class StatePublisher(Node):
    """Publishes frames of the arm, as robot_state_publisher does."""

    def __init__(self) -> None:
        super().__init__("state_publisher")
        text = URDF.read_text()
        self._arms = [Arm(text, franka.BASE_FRAME, link) for link in LINKS]
        self._moving = tf2_ros.TransformBroadcaster(self)
        self._fixed: Any = tf2_ros.StaticTransformBroadcaster(self)
        self.create_subscription(JointState, "joint_states", self._on_joints, 10)

    def _on_joints(self, message: JointState) -> None:
        known = dict(zip(message.name, message.position, strict=True))
        transforms, parent = [], (franka.BASE_FRAME, np.zeros(3), Rotation.identity())
        for link, arm in zip(LINKS, self._arms, strict=True):
            pose = arm.pose(
                np.array([known[name] for name in franka.JOINT_NAMES[: len(arm.joints)]])
            )
            name, at, turned = parent
            made = TransformStamped()
            made.header.stamp, made.header.frame_id = message.header.stamp, name
            made.child_frame_id = link
            moved, turn = made.transform.translation, made.transform.rotation
            moved.x, moved.y, moved.z = turned.inv().apply(pose[:3] - at).tolist()
            now = Rotation.from_quat(pose[3:])
            turn.x, turn.y, turn.z, turn.w = (turned.inv() * now).as_quat().tolist()
            transforms.append(made)
            parent = link, pose[:3], now
        self._moving.sendTransform(transforms[:-1])
        if self._fixed:
            self._fixed.sendTransform(transforms[-1:])
            self._fixed = None  # it is kept


@pytest.fixture
def frames(simulator: ManagedProcess, watch: Any) -> Iterator[StatePublisher]:
    node = StatePublisher()
    with SingleThreadedExecutor() as executor:
        executor.add_node(node)
        thread = threading.Thread(target=executor.spin)
        thread.start()
        yield node
        executor.shutdown()
        thread.join()
    node.destroy_node()


@pytest.mark.dds
def test_goals_are_reached_with_a_pose_that_comes_only_by_tf(
    frames: StatePublisher, watch: Any, patient: tuple[str, ...]
) -> None:
    words = (*patient, "inputs.pose:=tf", f"commands.tip:={LINKS[-1]}")
    planner = start_planner(*words, pose="nowhere", name=NAME)
    with planner, watch(NAME) as client:
        client.wait_active()
        for seed in SEEDS:
            client.reset(seed)
            client.settle()
            goal, position = client.sample_goal(seed)
            episode = client.reach(seed, goal, position, EPISODE)
            check_reached(episode)
            assert client.reflexes == 0
