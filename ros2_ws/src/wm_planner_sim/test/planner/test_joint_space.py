"""Over DDS: a model whose actions turn joints commands an arm that is measured in joints.

The model is the embedded one, its three numbers declared to be radians. Its plans lead nowhere, but
their signs are known: the bounds of the actions say which way each joint turns.
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

from wm_planner.models import load_spec
from wm_planner.models.spec import CommandMapping
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.goal_sampler import GoalSampler
from wm_planner_sim.client.processes import ManagedProcess, embedded_model
from wm_planner_sim.simulator import franka
from wm_planner_sim.training import seeds

pytestmark = pytest.mark.dds
SEED = seeds.EVALUATION[6000]
MODEL = embedded_model()
JOINTS = ["panda_joint4", "panda_joint1", "panda_joint6"]  # neither the arm's order nor the model's
MOVED = [franka.JOINT_NAMES.index(name) for name in JOINTS]
OTHERS = [i for i in range(7) if i not in MOVED]
UP, DOWN, EITHER = (0.03, 0.05), (-0.05, -0.03), (-0.02, 0.02)  # [rad] in a model step of 0.2 s
ROOM = np.array([0.15, 0.12, 0.5])  # [rad] from the start to the limits of JOINTS, both ways
SPEED = 0.12  # [rad/s] less than any plan wants of the first two
LEAD = 0.1  # [rad]
LASTING = 6.0  # [s] of a goal that is not reached: several times what the limits need
NEVER = 1e-9  # a tolerance that no image satisfies


@dataclass(frozen=True)
class Told:
    """A command on the wire: when it was sent [s], the message, its positions (3,) [rad]."""

    sent: float
    message: Any
    positions: np.ndarray


class JointWatcher(Client):
    """Writes down every command of joints, and every measurement (7,) [rad]."""

    def __init__(self, planner: str, sampler: GoalSampler) -> None:
        super().__init__(planner, sampler)
        self.told: list[Told] = []
        self.measured: list[np.ndarray] = []
        self.create_subscription(JointState, "joint_states", self._on_joints, 100)
        self.create_subscription(JointState, "joint_command", self._on_command, 100)
        topic = "joint_trajectory_controller/joint_trajectory"
        self.create_subscription(JointTrajectory, topic, self._on_trajectory, 100)

    def settled(self) -> np.ndarray:
        """The measured joints (7,) [rad], when the arm rests."""
        self.settle()
        return self.measured[-1]

    def begin(self) -> Any:
        """A goal that is not reached, from here on."""
        self.told.clear()
        goal, _ = self.sample_goal(SEED)
        handle = self.send(ReachGoal.Goal(image=goal, tolerance=NEVER), LASTING)
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
        self.told.append(Told(info["source_timestamp"] * 1e-9, message, np.array(positions)))


@dataclass(frozen=True)
class Run:
    """A goal that ended at its timeout.

    Attributes:
        start: Measured joints before it (7,) [rad].
        told: All commands.
        commands: Their positions (n, 3) [rad].
        measured: Joints during the goal and until the arm rests (m, 7) [rad].
        answer: The result of the action.
    """

    start: np.ndarray
    told: list[Told]
    commands: np.ndarray
    measured: np.ndarray
    answer: Any


@pytest.fixture(scope="module")
def joint_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model, its numbers displacements of three joints."""
    model = tmp_path_factory.mktemp("joint_space") / "model"
    shutil.copytree(MODEL, model)
    spec = load_spec(MODEL)
    action = spec.action
    action.names, action.units = ["turn_1", "turn_4", "turn_6"], ["rad"] * 3
    action.lower, action.upper = (list(bounds) for bounds in zip(UP, DOWN, EITHER, strict=True))
    action.command = CommandMapping("relative", ["turn_4", "turn_1", "turn_6"], JOINTS)
    spec.save(model)
    return model


@contextmanager
def _planner(
    watch: Any, patient: tuple[str, ...], model: Path, profile: str
) -> Iterator[JointWatcher]:
    """A client of a planner with one profile; the arm may move ``ROOM`` from where it is."""
    name = f"{profile}_planner"
    with watch(name, JointWatcher) as client:
        client.reset(SEED)
        at = client.settled()[MOVED]
        parameters = {
            "use_sim_time": "true",
            "profile": profile,
            "model.directory": str(model),
            "limits.joint_min": (at - ROOM).tolist(),
            "limits.joint_max": (at + ROOM).tolist(),
            "limits.max_joint_speed": SPEED,
            "limits.max_joint_lead": LEAD,
            "worker.threads": 1,
            "session.overdue_after": 10.0,  # not for the load of this machine
        }
        patience = [word for parameter in patient for word in ("-p", parameter)]
        words = [word for key in parameters for word in ("-p", f"{key}:={parameters[key]}")]
        remappings = ["-r", "image:=rgb", "-r", f"__node:={name}"]
        with ManagedProcess("wm_planner.node", ["--ros-args", *remappings, *patience, *words]):
            client.wait_active()
            yield client
        client.reset(SEED)  # other planners of the tests command the hand


def _run(client: JointWatcher) -> Run:
    client.reset(SEED)
    start = client.settled()
    client.measured.clear()
    answer = client.result(client.begin())
    client.settled()
    commands = np.array([told.positions for told in client.told])
    return Run(start, list(client.told), commands, np.array(client.measured), answer)


@pytest.fixture(scope="module")
def isaac(
    simulator: ManagedProcess, watch: Any, patient: tuple[str, ...], joint_model: Path
) -> Iterator[JointWatcher]:
    with _planner(watch, patient, joint_model, "isaac_sim") as client:
        yield client


@pytest.fixture(scope="module")
def following(isaac: JointWatcher) -> Run:
    """The arm does what it is told."""
    return _run(isaac)


@pytest.fixture(scope="module")
def standing(
    simulator: ManagedProcess, watch: Any, patient: tuple[str, ...], joint_model: Path
) -> Iterator[Run]:
    """The arm does not do what it is told, for it takes no trajectories."""
    with _planner(watch, patient, joint_model, "joint_trajectory_controller") as client:
        yield _run(client)


def _stamp(told: Told) -> float:
    stamp = told.message.header.stamp
    return float(stamp.sec + stamp.nanosec * 1e-9)


def test_a_goal_in_joint_space_ends_with_its_code(following: Run) -> None:
    result = following.answer.result
    assert result.error_code == ReachGoal.Result.TIMED_OUT, result.error_msg
    assert result.steps > 5
    assert result.elapsed.sec + result.elapsed.nanosec * 1e-9 >= LASTING


def test_commands_of_joints_start_where_the_joints_are_measured(following: Run) -> None:
    np.testing.assert_allclose(following.commands[0], following.start[MOVED], atol=1e-4)


def test_each_joint_turns_as_its_number_of_the_action_says_up_to_its_limit(following: Run) -> None:
    moved = following.commands - following.start[MOVED]
    assert (np.abs(moved) <= ROOM + 1e-3).all()  # the start was measured anew
    np.testing.assert_allclose(moved[-1, :2], [-ROOM[0], ROOM[1]], atol=1e-3)
    assert (np.diff(moved, axis=0)[:, :2] * [-1, 1] >= -1e-9).all(), "neither turns back"


def test_no_joint_is_told_to_turn_faster_than_its_limit(following: Run) -> None:
    passed = np.diff([_stamp(told) for told in following.told])
    steps = np.abs(np.diff(following.commands, axis=0)).max(axis=1)
    assert (steps <= 1.002 * SPEED * np.maximum(passed, 0.02)).all()
    assert (steps > 0.99 * SPEED * 0.02).any(), "the plans want more"


def test_a_plan_adds_no_command_to_the_rate(following: Run) -> None:
    sent = np.array([told.sent for told in following.told])
    assert (len(sent) - 1) / (sent[-1] - sent[0]) < 57, "50 Hz, or less on a busy machine"


def test_the_arm_follows_and_the_other_joints_stay(following: Run) -> None:
    measured, start = following.measured, following.start
    np.testing.assert_allclose(measured[-1, MOVED], following.commands[-1], atol=3e-3)
    assert np.abs(measured[:, OTHERS] - start[OTHERS]).max() < 3e-3


def test_a_joint_command_of_isaac_sim_holds_positions_alone(following: Run) -> None:
    for told in following.told:
        assert len(told.message.position) == 3
        assert not told.message.velocity
        assert not told.message.effort


def test_a_canceled_goal_holds_the_joints(isaac: JointWatcher) -> None:
    isaac.reset(SEED)
    handle = isaac.begin()
    start = isaac.measured[-1]
    isaac.spin_until(lambda: np.abs(isaac.measured[-1] - start).max() >= 0.02)
    isaac.cancel(handle)
    answer = isaac.result(handle)
    assert answer.status == GoalStatus.STATUS_CANCELED
    assert answer.result.error_code == ReachGoal.Result.CANCELED
    resting, count = isaac.settled(), len(isaac.told)
    np.testing.assert_array_equal(isaac.told[-1].positions, isaac.told[-2].positions)
    assert (np.abs(isaac.told[-1].positions - start[MOVED]) < ROOM).all(), "not at its limits"
    np.testing.assert_allclose(resting[MOVED], isaac.told[-1].positions, atol=3e-3)
    np.testing.assert_allclose(isaac.settled(), resting, atol=1e-3)
    assert len(isaac.told) == count, "nothing is sent after the stop"


def test_an_arm_that_does_not_follow_is_never_led_further_than_the_limit(standing: Run) -> None:
    assert standing.answer.result.error_code == ReachGoal.Result.TIMED_OUT
    assert np.abs(standing.measured - standing.start).max() < 1e-3, "the arm stands"
    ahead = standing.commands - standing.start[MOVED]
    np.testing.assert_allclose(ahead[0], 0.0, atol=1e-4)
    assert np.abs(ahead).max() <= LEAD + 1e-3
    np.testing.assert_allclose(ahead[-1, :2], [-LEAD, LEAD], atol=2e-3)


def test_a_trajectory_is_one_point_without_a_velocity_until_the_stop(standing: Run) -> None:
    for told in standing.told:
        (point,) = told.message.points
        assert told.message.header.stamp == Time()
        assert (point.time_from_start.sec, point.time_from_start.nanosec) == (0, 40_000_000)
    velocities = [list(told.message.points[0].velocities) for told in standing.told]
    assert velocities[-1] == [0.0] * 3
    assert [] in velocities
    for i, velocity in enumerate(velocities):
        if velocity:  # the last one, and any before if a plan was late on a busy machine
            assert velocity == [0.0] * 3
            np.testing.assert_array_equal(standing.commands[i], standing.commands[i - 1])
