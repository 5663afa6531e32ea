"""Over DDS: the embedded model, whose actions are Cartesian, drives the arm by its joints.

As in Isaac Sim, the arm takes ``joint_command`` and publishes ``joint_states``; the planner gets no
``current_pose``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ament_index_python.packages import get_package_share_directory
from reached import check_reached
from sensor_msgs.msg import JointState

from wm_planner.kinematics import Arm
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.goal_sampler import GoalSampler
from wm_planner_sim.client.processes import ManagedProcess, start_planner
from wm_planner_sim.simulator import franka, seeds
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.tasks import TASKS

TASK = TASKS["reach"]
SEEDS = seeds.EVALUATION[6200:6210]
URDF = Path(get_package_share_directory("wm_planner")) / "config" / "robots" / "panda.urdf"
TIP = "panda_hand_tcp"
NAME = "joint_planner"
EPISODE = 60.0  # [s] simulated, many times what a goal takes
PERIOD = 0.02  # [s] of the commands
SPEED = 1.0  # [rad/s] limits.max_joint_speed
PARAMETERS = (
    "profile:=isaac_sim",
    f"commands.kinematics:={URDF}",
    f"commands.tip:={TIP}",
    # The camera sees the elbow: otherwise the model may be 2 cm wrong where it is held differently.
    f"commands.posture:={[round(joint, 6) for joint in franka.HOME]}",
)


class JointWatcher(Client):
    """A client that records every joint command: its stamp [s] and positions (7,) [rad]."""

    def __init__(self, planner: str, sampler: GoalSampler) -> None:
        super().__init__(planner, sampler)
        self.sent: list[tuple[float, np.ndarray]] = []
        self.create_subscription(JointState, "joint_command", self._on_command, 100)

    def _on_command(self, message: JointState) -> None:
        assert list(message.name) == list(franka.JOINT_NAMES)
        assert not message.velocity
        stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        self.sent.append((stamp, np.array(message.position)))


@pytest.fixture(scope="module")
def watcher(
    simulator: ManagedProcess, watch: Any, patient: tuple[str, ...]
) -> Iterator[JointWatcher]:
    words = (*patient, *PARAMETERS, "commands.other_publisher:=warn")
    planner = start_planner(*words, pose="nowhere", command="joint_command", name=NAME)
    with planner, watch(NAME, JointWatcher) as client:
        client.wait_active()
        yield client
        client.reset(SEEDS[0])  # the planners of other tests command the hand


@pytest.mark.sim
def test_the_urdf_is_the_simulated_arm() -> None:
    arm, simulation = Arm(URDF.read_text(), franka.BASE_FRAME, TIP), Simulation(16, 16)
    rng = np.random.default_rng(0)
    for joints in rng.uniform(arm.limits.lower, arm.limits.upper, (50, 7)):
        position, quaternion = simulation._ik.pose(joints)
        found = arm.pose(joints)
        np.testing.assert_allclose(found[:3], position, atol=1e-6)
        assert abs(found[3:] @ quaternion) == pytest.approx(1.0, abs=1e-9)
    limits = np.array([arm.limits.lower, arm.limits.upper])
    np.testing.assert_allclose(limits, simulation._ik.limits)
    simulation.close()


@pytest.mark.dds
@pytest.mark.parametrize("seed", SEEDS)
def test_a_goal_is_reached_by_joints_within_their_limits(watcher: Any, seed: int) -> None:
    watcher.reset(seed)
    watcher.settle()
    watcher.sent.clear()
    goal, position = watcher.sample_goal(seed)
    episode = watcher.reach(seed, goal, position, EPISODE)
    check_reached(episode)
    assert watcher.reflexes == 0
    stamps, joints = (np.array(column) for column in zip(*watcher.sent, strict=True))
    passed = np.maximum(np.diff(stamps), 0.0) + PERIOD  # best effort, and stamps of /clock's steps
    assert (np.abs(np.diff(joints, axis=0)).max(axis=1) <= 1.01 * SPEED * passed).all()
