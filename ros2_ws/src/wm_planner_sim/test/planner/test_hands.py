"""Over DDS: a way of poses through the node turns the hand and lifts the cube, as poses and twists.

The node runs with a model family that replays the way (``replay_family.py``); the rest is real.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ament_index_python.packages import get_package_share_directory
from geometry_msgs.msg import PoseStamped, TwistStamped
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal

from wm_planner.kinematics import Arm
from wm_planner.models import load_spec
from wm_planner.models.spec import (
    ActionSpec,
    CommandMapping,
    GripperMapping,
    Moments,
    ProprioSpec,
    RotationMapping,
    WeightsFile,
)
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.goal_sampler import GoalSampler
from wm_planner_sim.client.processes import embedded_model, start_planner
from wm_planner_sim.simulator import franka, seeds, table

pytestmark = pytest.mark.dds
SEED = seeds.EVALUATION[6100]
DOWN = Rotation.from_quat(franka.DOWN_XYZW)
CENTER = np.array([0.45, 0.0, 0.63])  # [m] where the hand can turn by 90 degrees
AXES = {"x": [np.pi / 2, 0, 0], "y": [0, -np.pi / 2, 0], "z": [0, 0, np.pi / 2]}  # turns [rad]
LIFT = np.array([0.0, 0.0, 0.1])  # [m]
URDF = Path(get_package_share_directory("wm_planner")) / "config" / "robots" / "panda.urdf"
ARM = Arm(URDF.read_text(), franka.BASE_FRAME, "panda_hand_tcp")
OPEN, CLOSED = 0.0, 1.0
SPEED, ANGULAR_SPEED = 0.2, 0.4  # limits [m/s], [rad/s]
PERIOD = 0.02  # [s] of the commands
LONG = 400.0  # [s] only a broken program takes as long
NAMES = ["dx", "dy", "dz", "rx", "ry", "rz", "grip"]
STATE = ["x", "y", "z", "qx", "qy", "qz", "qw"]
PARAMETERS = (
    "proprio.source:=pose",
    "gripper.type:=float64_multi_array",
    "limits.workspace_min:=[0.3, -0.4, 0.01]",
    "limits.workspace_max:=[0.7, 0.4, 0.65]",
    f"limits.max_speed:={SPEED}",
    "limits.orientation:=[1.0, 0.0, 0.0, 0.0]",
    "limits.max_tilt:=1.7",
    "limits.max_twist:=2.5",
    f"limits.max_angular_speed:={ANGULAR_SPEED}",
    "limits.gripper_max:=0.08",
    "commands.other_publisher:=warn",  # the planner of other tests
    "session.motion_check:=false",  # the images do not decide
)


class HandWatcher(Client):
    """A client that records the pose of hand and cube, and all commands."""

    def __init__(self, planner: str, sampler: GoalSampler) -> None:
        super().__init__(planner, sampler)
        self.cube: np.ndarray | None = None
        self.hands: list[np.ndarray] = []
        self.cubes: list[np.ndarray] = []
        self.poses: list[np.ndarray] = []
        self.stamps: list[float] = []  # of them [s]
        self.twists: list[np.ndarray] = []
        self.widths: list[float] = []
        for kind, topic, take in (
            (PoseStamped, "sim/cube_pose", self._on_cube),
            (PoseStamped, "target_pose", self._on_command),
            (TwistStamped, "target_twist", self._on_twist),
            (JointState, "joint_command", self._on_joints),
            (Float64MultiArray, "gripper_command", lambda m: self.widths.append(m.data[0])),
        ):
            self.create_subscription(kind, topic, take, 1000)

    def _on_pose(self, message: PoseStamped) -> None:
        super()._on_pose(message)
        self.hands.append(_numbers(message.pose))

    def _on_cube(self, message: PoseStamped) -> None:
        self.cube = _numbers(message.pose)
        self.cubes.append(self.cube)

    def _on_command(self, message: PoseStamped) -> None:
        self.poses.append(_numbers(message.pose))
        self.stamps.append(message.header.stamp.sec + message.header.stamp.nanosec * 1e-9)

    def _on_twist(self, message: TwistStamped) -> None:
        v, w = message.twist.linear, message.twist.angular
        self.twists.append(np.array([v.x, v.y, v.z, w.x, w.y, w.z]))

    def _on_joints(self, message: JointState) -> None:
        pose = ARM.pose(np.array(message.position))
        pose[3:] *= 1.0 if not self.poses or pose[3:] @ self.poses[-1][3:] > 0 else -1.0
        self.poses.append(pose)
        self.stamps.append(message.header.stamp.sec + message.header.stamp.nanosec * 1e-9)


def _numbers(pose: Any) -> np.ndarray:
    p, q = pose.position, pose.orientation
    return np.array([p.x, p.y, p.z, q.x, q.y, q.z, q.w])


def way_of(cube: np.ndarray) -> np.ndarray:
    """Return the way (n, 8): lift the cube, put it down, and turn about each axis and back."""
    yaw = Rotation.from_quat(cube[3:]).as_euler("ZYX")[0]
    yaw = (yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4  # to the nearest face
    grasp, place = Rotation.from_rotvec([0, 0, yaw]) * DOWN, np.array([*cube[:2], 0.025])
    lifting = [
        (place + 1.5 * LIFT, grasp, OPEN),
        (place, grasp, OPEN),
        (place, grasp, CLOSED),
        (place + LIFT, grasp, CLOSED),
        (place + 0.02 * LIFT, grasp, CLOSED),
        (place + 0.02 * LIFT, grasp, OPEN),
        (place + 1.5 * LIFT, grasp, OPEN),
        (CENTER, DOWN, OPEN),
    ]
    turning = [
        (CENTER, hand, OPEN)
        for turn in AXES.values()
        for hand in (Rotation.from_rotvec(turn) * DOWN, DOWN)
    ]
    return np.array([[*at, *hand.as_quat(), grip] for at, hand, grip in lifting + turning])


def write_model(directory: Path, way: np.ndarray, command: CommandMapping) -> Path:
    """Write a model that replays a way; its statistics are zeros and ones."""
    spec = load_spec(embedded_model())
    assert command.rotation
    assert command.gripper
    spec.name, spec.family, spec.architecture = "replay", "replay", {"way": way.tolist()}
    units = ["m"] * 3 + ["rad"] * 3 + [command.gripper.unit]
    spec.action = ActionSpec(NAMES, units, spec.action.frame, command=command)
    spec.proprio = ProprioSpec(STATE, ["m"] * 3 + ["1"] * 4)
    spec.statistics.action = Moments([0.0] * 7, [1.0] * 7)
    spec.statistics.proprio = Moments([0.0] * 7, [1.0] * 7)
    directory.mkdir()
    (directory / "weights.safetensors").write_bytes(b"none")
    spec.weights = WeightsFile(hashlib.sha256(b"none").hexdigest())
    spec.save(directory)
    return directory


@pytest.fixture(scope="module")
def family(
    tmp_path_factory: pytest.TempPathFactory, install_family: Callable[..., None]
) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("replay")
    install_family(folder, "replay", Path(__file__).with_name("replay_family.py").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=":")
        yield folder


GRIPPER = GripperMapping("grip", "closedness", "absolute", closed=0.02, open=0.08)
MEASURED = CommandMapping(
    "relative",
    NAMES[:3],
    rotation=RotationMapping(NAMES[3:6], "euler_extrinsic_xyz"),
    gripper=GRIPPER,
    reference="measured",
)
KINDS = {
    "poses": (
        MEASURED,
        "target_pose",
        (),
    ),
    "twists": (
        CommandMapping(
            "relative",
            NAMES[:3],
            rotation=RotationMapping(NAMES[3:6], "rotation_vector", frame="tool"),
            gripper=GRIPPER,
        ),
        "target_twist",
        ("commands.type:=twist_stamped", "commands.receiver_timeout:=0.1"),
    ),
    "joints": (
        MEASURED,
        "joint_command",
        (
            "commands.type:=joint_state",
            f"commands.kinematics:={URDF}",
            "commands.tip:=panda_hand_tcp",
        ),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_hand_lifts_the_cube_and_turns_about_each_axis(
    kind: str,
    simulator: Any,
    watch: Any,
    family: Path,
    patient: tuple[str, ...],
) -> None:
    command, topic, parameters = KINDS[kind]
    name = f"hands_{kind}"
    with watch(name, HandWatcher) as client:
        client.reset(SEED)
        client.spin_until(lambda: client.cube is not None)
        client.settle()
        way = way_of(client.cube)
        model = write_model(family / kind, way, command)
        with start_planner(
            *patient, *PARAMETERS, *parameters, model=model, command=topic, name=name
        ):
            client.wait_active()
            image, _ = client.sample_goal(SEED)
            goal = Goal(images=[image], proprio=way[0, :7].tolist(), tolerance=1e-9)
            handle = client.send(ReachGoal.Goal(goal=goal), LONG)
            assert handle.accepted, client.rejection
            follow(client, way, handle)
            client.cancel(handle)
            client.result(handle)
    check_cube(client, way)
    check_commands(client, kind)


def follow(client: HandWatcher, way: np.ndarray, handle: Any) -> None:
    """Wait until the measured hand has passed each pose of the way."""
    ending, at, passed = handle.get_result_async(), len(client.hands), 0

    def done() -> bool:
        nonlocal at, passed
        assert not ending.done(), client.status
        while at < len(client.hands) and passed < len(way):
            apart, angle = away(client.hands[at], way[passed])
            passed += apart < 0.002 and angle < 1.0
            at += 1
        return passed == len(way)

    client.spin_until(done, LONG)


def away(hand: np.ndarray, way: np.ndarray) -> tuple[float, float]:
    """Return how far a measured pose is from one of the way [m], [degrees]."""
    turn = Rotation.from_quat(hand[3:]) * Rotation.from_quat(way[3:7]).inv()
    return float(np.linalg.norm(hand[:3] - way[:3])), float(np.rad2deg(turn.magnitude()))


def check_cube(client: HandWatcher, way: np.ndarray) -> None:
    heights = np.array([cube[2] for cube in client.cubes])
    assert heights.max() > table.CUBE_HALF + 0.095, "lifted by 10 cm"
    assert heights[-1] == pytest.approx(table.CUBE_HALF, abs=2e-3), "put down"
    np.testing.assert_allclose(client.cubes[-1][:2], way[1, :2], atol=0.01)


def check_commands(client: HandWatcher, kind: str) -> None:
    if kind == "twists":
        twists = np.array(client.twists)
        linear, angular = twists[:, :3], twists[:, 3:]
    else:
        poses = np.array(client.poses)
        turns = Rotation.from_quat(poses[1:, 3:]) * Rotation.from_quat(poses[:-1, 3:]).inv()
        # On a busy machine commands come late or are lost; stamps have the resolution of /clock.
        passed = np.maximum(np.diff(client.stamps), 0.0)[:, None] + 2 * PERIOD
        linear = np.diff(poses[:, :3], axis=0) / passed
        angular = turns.as_rotvec() / passed
        assert (poses[1:, 3:] * poses[:-1, 3:]).sum(axis=1).min() > 0, "no flipped sign"
        tilts = np.arccos(np.clip(-Rotation.from_quat(poses[:, 3:]).as_matrix()[:, 2, 2], -1, 1))
        assert tilts.max() <= 1.7 + 1e-6
    assert np.linalg.norm(linear, axis=1).max() <= SPEED * 1.002
    assert np.linalg.norm(angular, axis=1).max() <= ANGULAR_SPEED * 1.002
    widths = np.array(client.widths)
    assert 0.0 <= widths.min() < 0.021
    assert 0.079 < widths.max() <= 0.08
