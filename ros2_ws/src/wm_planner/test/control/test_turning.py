"""The hand turns as planned, without a detour, a jump or a flipped quaternion, and stops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from commander_rig import DOWN, START, TICK, CommanderRig
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from turning import turning

from wm_planner.control import CommandStream, LimitViolation
from wm_planner.control.space import CommandSpace
from wm_planner.models import ModelSpec
from wm_planner.types import Command, Pose

ABOUT = {"x": [1.0, 0.0, 0.0], "y": [0.0, 1.0, 0.0], "z": [0.0, 0.0, 1.0]}
LIMIT, ACCELERATION = 1.0, 10.0  # limits.max_angular_speed [rad/s] and _acceleration [rad/s^2]


class TurningRig(CommanderRig):
    """A commander of a hand that turns, and an arm that follows its poses, or its twists."""

    def pose(self) -> Pose:
        if not self.sent:
            return Pose(START, DOWN, 0.0)
        return Pose(self.sent[-1].position, self.sent[-1].orientation, 0.0)

    def turn(self, move: Any, turn: Any, steps: int = 5, latency: float = 0.0) -> None:
        actions = [[*move, *turn]] * steps
        self.commander.splice(actions, self.now - latency, self.now)

    def orientations(self) -> Rotation:
        return Rotation.from_quat([command.orientation for command in self.sent])

    def velocities(self) -> np.ndarray:
        """Angular velocities between the commands [rad/s]."""
        found = self.orientations()
        return np.asarray((found[1:] * found[:-1].inv()).as_rotvec() / TICK)

    def turned(self) -> np.ndarray:
        """The turn from the start to the last command [rad]."""
        return np.asarray((self.orientations()[-1] * Rotation.from_quat(DOWN).inv()).as_rotvec())


@pytest.fixture
def rig(spec: ModelSpec) -> TurningRig:
    return TurningRig(turning(spec), extra_time=2.0)


@pytest.mark.parametrize("axis", ABOUT)
def test_a_hand_turns_by_90_degrees_about_each_axis_and_stays_where_it_is(
    rig: TurningRig, axis: str
) -> None:
    rig.turn([0.0] * 3, np.pi / 2 / 10 * np.array(ABOUT[axis]), steps=10)
    rig.run(2.5)
    np.testing.assert_allclose(rig.turned(), np.pi / 2 * np.array(ABOUT[axis]), atol=1e-6)
    np.testing.assert_allclose(rig.positions(), [START] * len(rig.sent), atol=1e-12)
    speeds = np.linalg.norm(rig.velocities(), axis=1)
    assert speeds.max() <= np.pi / 2 / 2 * 1.001, "the planned speed"
    assert rig.commander.gate.counters.clamped == 0


def test_no_quaternion_changes_its_sign(rig: TurningRig) -> None:
    rig.turn([0.0] * 3, [0.0, 0.19, 0.0], steps=10)
    rig.run(2.5)
    rig.turn([0.0] * 3, [0.0, 0.0, 0.19], steps=10)
    rig.run(2.5)
    quaternions = np.array([command.orientation for command in rig.sent])
    assert (quaternions[1:] * quaternions[:-1]).sum(axis=1).min() > 0.99
    np.testing.assert_allclose(np.linalg.norm(quaternions, axis=1), 1.0, atol=1e-12)


def test_between_two_orientations_the_hand_turns_about_one_axis(spec: ModelSpec) -> None:
    rig = TurningRig(turning(spec, "rotation_vector", mode="absolute"), extra_time=2.0)
    goal = Rotation.from_rotvec([0.1, 0.12, 0.08]) * Rotation.from_quat(DOWN)
    rig.commander.splice([[*START, *goal.as_rotvec()]], 0.0, 0.0)
    rig.run(1.0)
    np.testing.assert_allclose(rig.turned(), [0.1, 0.12, 0.08], atol=1e-9)
    axes = rig.velocities()[2:8]
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    np.testing.assert_allclose(axes, [axes[0]] * len(axes), atol=1e-6)


@given(
    first=st.lists(st.tuples(*[st.floats(-0.1, 0.1)] * 3), min_size=5, max_size=5),
    second=st.lists(st.tuples(*[st.floats(-0.1, 0.1)] * 3), min_size=5, max_size=5),
    latency=st.floats(0.0, 1.0),
    after=st.floats(0.02, 0.7),
)
def test_angular_speed_and_acceleration_are_bounded_at_every_splice(
    first: list[tuple[float, ...]],
    second: list[tuple[float, ...]],
    latency: float,
    after: float,
) -> None:
    space, step, blend = CommandSpace(), 0.2, 0.1
    stream = CommandStream(space, frameskip=1, dt=step, extra_time=0.5, blend=blend)
    start = np.array([0.5, 0.0, 0.5, *DOWN])
    stream.start(start, 10.0)

    def splice(turns: list[tuple[float, ...]], latency: float, time: float) -> None:
        at, points = Rotation.from_quat(DOWN), []
        for turn in turns:
            at = Rotation.from_rotvec(turn) * at
            points.append([*start[:3], *at.as_quat()])
        stream.splice(np.array(points), start, latency, time)

    def play(begin: float, end: float) -> list[np.ndarray]:
        return [stream.at(begin + k * TICK) for k in range(round((end - begin) / TICK))]

    splice(first, 0.0, 10.0)
    now = 10.0 + after
    before = play(now - 0.3, now)
    splice(second, latency, now)
    sent = np.array([*before, *play(now, now + 1.2)])
    gap = sum(np.linalg.norm(turn) for turn in first)
    fastest = max(np.linalg.norm(turn) for turn in [*first, *second]) / step + gap / step
    velocities = space.between(sent[:-1], sent[1:])[:, 3:] / TICK
    # Turns about several axes do not add up exactly: 5 % on top of the bound of positions.
    assert np.linalg.norm(velocities, axis=1).max() <= fastest * 1.05 + 1e-9
    changes = np.linalg.norm(np.diff(velocities, axis=0), axis=1) / TICK
    assert changes.max() <= 2 * fastest / blend * 1.05 + 1e-6


@pytest.mark.parametrize("command", ["hold", "stop"])
def test_a_turning_hand_comes_to_rest_within_the_acceleration(
    rig: TurningRig, command: str
) -> None:
    rig.turn([0.02, 0.0, 0.0], [0.0, 0.15, 0.0], steps=10)
    rig.run(0.5)
    assert np.linalg.norm(rig.velocities()[-1]) > 0.7
    rig.now += TICK
    getattr(rig.commander, command)(rig.now)
    rig.settle() if command == "stop" else rig.run(0.5)
    velocities = rig.velocities()
    assert np.linalg.norm(velocities[-1]) < 1e-6
    changes = np.linalg.norm(np.diff(velocities, axis=0), axis=1)
    assert changes.max() <= ACCELERATION * TICK * 1.002
    assert not rig.sent[-1].angular_velocity.any()


def test_plans_from_the_measured_pose_begin_there(spec: ModelSpec) -> None:
    """An arm that lags behind its commands: the reference decides where a displacement begins."""
    ends = {}
    behind = Rotation.from_rotvec([0.0, -0.1, 0.0]) * Rotation.from_quat(DOWN)
    measured = Pose(START - [0.01, 0.0, 0.0], behind.as_quat(), 0.0)
    for reference in ("commanded", "measured"):
        rig = TurningRig(turning(spec, reference=reference), extra_time=2.0)
        actions = [[0.02, 0.0, 0.0, 0.0, 0.1, 0.0]]
        rig.commander.splice(actions, rig.now, rig.now, measured)
        rig.run(1.0)
        ends[reference] = (rig.sent[-1].position[0] - START[0], rig.turned()[1])
    np.testing.assert_allclose(ends["commanded"], (0.02, 0.1), atol=1e-6)
    np.testing.assert_allclose(ends["measured"], (0.01, 0.0), atol=2e-4)


class TwistArm(TurningRig):
    """An arm that follows angular velocities, and drifts."""

    drift = np.array([0.0, 0.02, 0.0])  # [rad/s]

    def __init__(self, spec: ModelSpec) -> None:
        self.measured = Pose(START, DOWN, 0.0)
        super().__init__(spec, type="twist_stamped", extra_time=2.0)

    def pose(self) -> Pose:
        return self.measured

    def run(self, seconds: float, tick: float = TICK) -> None:
        for _ in range(round(seconds / tick)):
            super().run(tick, tick)
            last: Command = self.sent[-1]
            turn = Rotation.from_rotvec((last.angular_velocity + self.drift) * tick)
            orientation = turn * Rotation.from_quat(self.measured.orientation)
            position = self.measured.position + last.velocity * tick
            self.measured = Pose(position, orientation.as_quat(), 0.0)


def test_an_arm_that_takes_twists_turns_by_90_degrees_although_it_drifts(spec: ModelSpec) -> None:
    rig = TwistArm(turning(spec))
    rig.turn([0.0] * 3, [np.pi / 2 / 10, 0.0, 0.0], steps=10)
    rig.run(4.0)
    wanted = Rotation.from_rotvec([np.pi / 2, 0.0, 0.0]) * Rotation.from_quat(DOWN)
    error = Rotation.from_quat(rig.measured.orientation) * wanted.inv()
    # The feedback of 1/s leaves drift / gain.
    np.testing.assert_allclose(error.as_rotvec(), [0.0, 0.02, 0.0], atol=0.003)
    commanded = np.array([command.angular_velocity for command in rig.sent])
    assert np.linalg.norm(commanded, axis=1).max() <= LIMIT * 1.001
    changes = np.linalg.norm(np.diff(commanded, axis=0), axis=1)
    assert changes.max() <= ACCELERATION * TICK * 1.002


def test_a_plan_beyond_the_cone_is_clamped_or_refused(spec: ModelSpec) -> None:
    for policy in ("clamp", "refuse"):
        rig = TurningRig(turning(spec), extra_time=2.0)
        rig.config.limits.max_tilt, rig.config.limits.policy = 0.3, policy
        rig.commander.apply(rig.config.limits)
        rig.turn([0.0] * 3, [0.0, 0.1, 0.0])
        if policy == "refuse":
            with pytest.raises(LimitViolation, match="max_tilt"):
                rig.run(1.5)
        else:
            rig.run(1.5)
            assert rig.turned()[1] == pytest.approx(0.3, abs=1e-6)
            assert rig.commander.gate.counters.limits["cone"] > 0


def test_the_part_of_a_turn_already_carried_out_is_skipped(rig: TurningRig) -> None:
    rig.turn([0.0] * 3, [0.0, 0.15, 0.0], steps=4)
    image = rig.now
    rig.run(0.4)
    rig.commander.splice([[0.0] * 4 + [0.15, 0.0]] * 4, image, rig.now)  # the same plan once more
    rig.run(0.3)
    np.testing.assert_allclose(rig.velocities()[10:, 1], 0.75, atol=0.01)


def test_changed_limits_also_change_how_a_turn_counts(rig: TurningRig) -> None:
    rig.config.limits.max_angular_speed = 2.0
    rig.commander.apply(rig.config.limits)
    assert rig.commander._stream.space is rig.commander.gate.space


@pytest.mark.parametrize("turns", [False, True])
def test_twists_correct_the_orientation_only_if_the_actions_turn_the_hand(
    spec: ModelSpec, turns: bool
) -> None:
    rig = CommanderRig(turning(spec) if turns else spec, type="twist_stamped")
    tilted = Rotation.from_rotvec([0.0, 0.1, 0.0]) * Rotation.from_quat(DOWN)
    for _ in range(10):
        rig.now += TICK
        rig.commander.send(Pose(START, tilted.as_quat(), 0.0), rig.now)
    assert rig.sent[-1].angular_velocity.any() == turns
