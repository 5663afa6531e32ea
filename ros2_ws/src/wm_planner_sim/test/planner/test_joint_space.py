"""Over DDS: a model with joint actions commands an arm that is measured in joints.

The model is the embedded one with its three actions declared to be radians. Its plans do not lead
to the goal, but the bounds of the actions decide which way each joint turns.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from builtin_interfaces.msg import Time
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal

from wm_planner.models import load_spec
from wm_planner.models.spec import CommandMapping
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.goal_sampler import GoalSampler
from wm_planner_sim.client.processes import ManagedProcess, embedded_model
from wm_planner_sim.simulator import franka, seeds

pytestmark = pytest.mark.dds
SEED = seeds.EVALUATION[6000]
MODEL = embedded_model()
JOINTS = ["panda_joint4", "panda_joint1", "panda_joint6"]  # not in the order of arm or model
MOVED = [franka.JOINT_NAMES.index(name) for name in JOINTS]
OTHERS = [i for i in range(7) if i not in MOVED]
UP, DOWN, EITHER = (0.03, 0.05), (-0.05, -0.03), (-0.02, 0.02)  # [rad] in a model step of 0.2 s
ROOM = np.array([0.15, 0.12, 0.5])  # [rad] from the start to the limits of JOINTS, on both sides
SPEED = 0.12  # [rad/s] slower than all plans for the first two
LEAD = 0.1  # [rad]
LASTING = 6.0  # [s] timeout of a goal, long enough to reach the limits
NEVER = 1e-9  # a tolerance that no image satisfies


@dataclass(frozen=True)
class Sent:
    """A command on the wire: time of sending [s], message and positions (3,) [rad]."""

    time: float
    message: Any
    positions: np.ndarray


class JointWatcher(Client):
    """A client that records every joint command and every measurement (7,) [rad]."""

    def __init__(self, planner: str, sampler: GoalSampler) -> None:
        super().__init__(planner, sampler)
        self.sent: list[Sent] = []
        self.measured: list[np.ndarray] = []
        self.create_subscription(JointState, "joint_states", self._on_joints, 100)
        self.create_subscription(JointState, "joint_command", self._on_command, 100)
        topic = "joint_trajectory_controller/joint_trajectory"
        self.create_subscription(JointTrajectory, topic, self._on_trajectory, 100)

    def settled(self) -> np.ndarray:
        """Wait until the arm rests; return the measured joints (7,) [rad]."""
        self.settle()
        return self.measured[-1]

    def begin(self) -> Any:
        """Start a goal that is not reached, with a new record."""
        self.sent.clear()
        goal, _ = self.sample_goal(SEED)
        handle = self.send(ReachGoal.Goal(goal=Goal(images=[goal], tolerance=NEVER)), LASTING)
        assert handle.accepted, self.rejection
        return handle

    def _on_joints(self, message: JointState) -> None:
        self.measured.append(np.array(message.position))

    def _on_command(self, message: JointState, info: dict[str, Any]) -> None:
        assert list(message.name) == JOINTS
        self._write_down(message, message.position, info)

    def _on_trajectory(self, message: JointTrajectory, info: dict[str, Any]) -> None:
        assert list(message.joint_names) == JOINTS
        (point,) = message.points
        self._write_down(message, point.positions, info)

    def _write_down(self, message: Any, positions: Any, info: dict[str, Any]) -> None:
        self.sent.append(Sent(info["source_timestamp"] * 1e-9, message, np.array(positions)))


@dataclass(frozen=True)
class Run:
    """What was recorded of a goal that ended at its timeout.

    Attributes:
        start: Measured joints before it (7,) [rad].
        sent: All commands.
        commands: Their positions (n, 3) [rad].
        measured: Joints during the goal and until the arm rests (m, 7) [rad].
        answer: The result of the action.
    """

    start: np.ndarray
    sent: list[Sent]
    commands: np.ndarray
    measured: np.ndarray
    answer: Any


@pytest.fixture(scope="module")
def joint_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model with displacements of three joints as its actions."""
    model = tmp_path_factory.mktemp("joint_space") / "model"
    shutil.copytree(MODEL, model)
    spec = load_spec(MODEL)
    action = spec.action
    action.names, action.units = ["turn_1", "turn_4", "turn_6"], ["rad"] * 3
    action.lower, action.upper = (list(bounds) for bounds in zip(UP, DOWN, EITHER, strict=True))
    action.command = CommandMapping("relative", ["turn_4", "turn_1", "turn_6"], JOINTS)
    assert spec.calibration
    spec.calibration.distance_per_motion = None  # it was measured per m
    spec.save(model)
    return model


@contextmanager
def _planner(
    watch: Any, patient: tuple[str, ...], model: Path, profile: str
) -> Iterator[JointWatcher]:
    """A client of a planner with a profile; the arm may move ``ROOM`` from where it is."""
    name = f"{profile}_planner"
    with watch(name, JointWatcher) as client:
        client.reset(SEED)
        at = client.settled()[MOVED]
        parameters = {
            "use_sim_time": "true",
            "profile": profile,
            "model.directory": str(model),
            "limits.joint_names": JOINTS,
            "limits.joint_min": (at - ROOM).tolist(),
            "limits.joint_max": (at + ROOM).tolist(),
            "limits.max_joint_speed": SPEED,
            "limits.max_joint_lead": LEAD,
            "worker.threads": 1,
            "session.overdue_after": 10.0,  # a busy machine must not hold the arm
        }
        patience = [word for parameter in patient for word in ("-p", parameter)]
        words = [word for key in parameters for word in ("-p", f"{key}:={parameters[key]}")]
        remappings = ["-r", "image:=rgb", "-r", f"__node:={name}"]
        with ManagedProcess("wm_planner.node", ["--ros-args", *remappings, *patience, *words]):
            client.wait_active()
            yield client
        client.reset(SEED)  # the planners of other tests command the hand


def _run(client: JointWatcher) -> Run:
    client.reset(SEED)
    start = client.settled()
    client.measured.clear()
    answer = client.result(client.begin())
    client.settled()
    commands = np.array([command.positions for command in client.sent])
    return Run(start, list(client.sent), commands, np.array(client.measured), answer)


@pytest.fixture(scope="module")
def isaac(
    simulator: ManagedProcess, watch: Any, patient: tuple[str, ...], joint_model: Path
) -> Iterator[JointWatcher]:
    with _planner(watch, patient, joint_model, "isaac_sim") as client:
        yield client


@pytest.fixture(scope="module")
def following(isaac: JointWatcher) -> Run:
    """The arm follows its commands."""
    return _run(isaac)


@pytest.fixture(scope="module")
def standing(
    simulator: ManagedProcess, watch: Any, patient: tuple[str, ...], joint_model: Path
) -> Iterator[Run]:
    """The arm stays where it is, because the simulator takes no trajectories."""
    with _planner(watch, patient, joint_model, "joint_trajectory_controller") as client:
        yield _run(client)


def _stamp(command: Sent) -> float:
    stamp = command.message.header.stamp
    return float(stamp.sec + stamp.nanosec * 1e-9)


def test_a_goal_in_joint_space_ends_with_its_code(following: Run) -> None:
    result = following.answer.result
    assert result.error_code == ReachGoal.Result.TIMED_OUT, result.error_msg
    assert result.steps > 5
    assert result.elapsed.sec + result.elapsed.nanosec * 1e-9 >= LASTING


def test_commands_of_joints_start_where_the_joints_are_measured(following: Run) -> None:
    np.testing.assert_allclose(following.commands[0], following.start[MOVED], atol=1e-4)


def test_each_joint_follows_its_action_up_to_its_limit(following: Run) -> None:
    moved = following.commands - following.start[MOVED]
    assert (np.abs(moved) <= ROOM + 1e-3).all()  # the limits were set from an earlier measurement
    np.testing.assert_allclose(moved[-1, :2], [-ROOM[0], ROOM[1]], atol=1e-3)
    assert (np.diff(moved, axis=0)[:, :2] * [-1, 1] >= -1e-9).all(), "a joint turns back"


def test_no_joint_command_is_faster_than_the_limit(following: Run) -> None:
    passed = np.diff([_stamp(command) for command in following.sent])
    steps = np.abs(np.diff(following.commands, axis=0)).max(axis=1)
    assert (steps <= 1.002 * SPEED * np.maximum(passed, 0.02)).all()
    assert (steps > 0.99 * SPEED * 0.02).any(), "the plans should ask for more"


def test_new_plans_do_not_raise_the_command_rate(following: Run) -> None:
    sent = np.array([command.time for command in following.sent])
    assert (len(sent) - 1) / (sent[-1] - sent[0]) < 57, "50 Hz, or less on a busy machine"


def test_the_arm_follows_and_the_other_joints_stay(following: Run) -> None:
    measured, start = following.measured, following.start
    np.testing.assert_allclose(measured[-1, MOVED], following.commands[-1], atol=3e-3)
    assert np.abs(measured[:, OTHERS] - start[OTHERS]).max() < 3e-3


def test_a_joint_command_for_isaac_sim_has_positions_only(following: Run) -> None:
    for command in following.sent:
        assert len(command.message.position) == 3
        assert not command.message.velocity
        assert not command.message.effort


def test_a_canceled_goal_holds_the_joints(isaac: JointWatcher) -> None:
    isaac.reset(SEED)
    handle = isaac.begin()
    start = isaac.measured[-1]
    isaac.spin_until(lambda: np.abs(isaac.measured[-1] - start).max() >= 0.02)
    isaac.cancel(handle)
    answer = isaac.result(handle)
    assert answer.status == GoalStatus.STATUS_CANCELED
    assert answer.result.error_code == ReachGoal.Result.CANCELED
    resting, count = isaac.settled(), len(isaac.sent)
    np.testing.assert_array_equal(isaac.sent[-1].positions, isaac.sent[-2].positions)
    assert (np.abs(isaac.sent[-1].positions - start[MOVED]) < ROOM).all(), "not at its limits"
    np.testing.assert_allclose(resting[MOVED], isaac.sent[-1].positions, atol=3e-3)
    np.testing.assert_allclose(isaac.settled(), resting, atol=1e-3)
    assert len(isaac.sent) == count, "a command was sent after the stop"


def test_commands_stay_within_the_lead_limit_of_an_arm_that_does_not_follow(standing: Run) -> None:
    assert standing.answer.result.error_code == ReachGoal.Result.TIMED_OUT
    assert np.abs(standing.measured - standing.start).max() < 1e-3, "the arm moved"
    ahead = standing.commands - standing.start[MOVED]
    np.testing.assert_allclose(ahead[0], 0.0, atol=1e-4)
    assert np.abs(ahead).max() <= LEAD + 1e-3
    np.testing.assert_allclose(ahead[-1, :2], [-LEAD, LEAD], atol=2e-3)


def test_a_trajectory_is_one_point_with_a_velocity_only_at_the_stop(standing: Run) -> None:
    for command in standing.sent:
        (point,) = command.message.points
        assert command.message.header.stamp == Time()
        assert (point.time_from_start.sec, point.time_from_start.nanosec) == (0, 40_000_000)
    velocities = [list(command.message.points[0].velocities) for command in standing.sent]
    assert velocities[-1] == [0.0] * 3
    assert [] in velocities
    for i, velocity in enumerate(velocities):
        if velocity:  # the last one, and earlier ones if a plan was late
            assert velocity == [0.0] * 3
            np.testing.assert_array_equal(standing.commands[i], standing.commands[i - 1])
