"""What was executed is told in the model's numbers, the inverse of how its actions move the arm."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from commander_rig import DOWN, START, CommanderRig
from scipy.spatial.transform import Rotation
from turning import turning

from wm_planner.config import ConfigError
from wm_planner.control.executed_actions import ExecutedActions
from wm_planner.control.pose_monitor import PoseMonitor
from wm_planner.models import ModelSpec
from wm_planner.models.spec import ActionSpec, CommandMapping, Moments
from wm_planner.types import Pose

STEPS, FRAMESKIP, DT = 4, 3, 0.1  # model steps, environment steps in each, and their duration [s]
CONVENTIONS = {
    "euler_extrinsic_xyz": 3,
    "euler_intrinsic_zyx": 3,
    "rotation_vector": 3,
    "quaternion_xyzw": 4,
    "quaternion_wxyz": 4,
    "rotation_6d_rows": 6,
    "rotation_6d_columns": 6,
}


def executed(spec: ModelSpec, actions: np.ndarray, *, measured: bool = False) -> np.ndarray:
    """Move an arm as actions (steps, dim) say, and return what is told of it, like them."""
    rig = CommanderRig(replace(spec, frameskip=FRAMESKIP))
    commander, poses = rig.commander, PoseMonitor()
    start = commander.gate.space.point(Pose(START, DOWN, 0.0))
    path = np.vstack([start, commander.actions.path(actions, start)])
    commander.history.clear()
    for step, point in enumerate(path):
        if measured:
            poses.history.add(Pose(point[:3], point[3:], 0.0, stamp=10.0 + DT * step))
        else:
            commander.history.add(10.0 + DT * step, DT * step, point)
    told = ExecutedActions(
        spec=replace(spec, frameskip=FRAMESKIP), commander=commander, poses=poses
    )
    found = told.between([10.0 + DT * FRAMESKIP * step for step in range(STEPS + 1)])
    assert found is not None
    assert found.shape == (STEPS, FRAMESKIP * actions.shape[1])
    return found.reshape(actions.shape)


def drawn(count: int, seed: int = 0, size: float = 0.1) -> np.ndarray:
    """Small actions (STEPS * FRAMESKIP, count)."""
    return size * np.random.default_rng(seed).normal(size=(STEPS * FRAMESKIP, count))


@pytest.mark.parametrize("mode", ["relative", "velocity", "absolute"])
@pytest.mark.parametrize("measured", [False, True])
def test_positions(spec: ModelSpec, mode: str, measured: bool) -> None:
    reference = "measured" if measured else "commanded"
    command = CommandMapping(mode, ["dz", "dx", "dy"], reference=reference)
    units = ["m/s" if mode == "velocity" else "m"] * 3
    spec.action = replace(spec.action, units=units, command=command)
    actions = drawn(3)
    np.testing.assert_allclose(executed(spec, actions, measured=measured), actions, atol=1e-9)


def test_an_axis_that_is_held_and_a_fixed_number(spec: ModelSpec) -> None:
    command = CommandMapping("relative", ["dx", "dy", "hold"])
    spec.action = replace(spec.action, command=command, fixed={"dz": 0.25})
    actions = drawn(3)
    actions[:, 2] = 0.25
    np.testing.assert_allclose(executed(spec, actions), actions, atol=1e-9)


@pytest.mark.parametrize("name", CONVENTIONS)
@pytest.mark.parametrize("frame", ["base", "tool"])
def test_turns_in_every_convention(spec: ModelSpec, name: str, frame: str) -> None:
    count = CONVENTIONS[name]
    numbers = turns(name, Rotation.from_rotvec(drawn(3)))
    actions = np.hstack([drawn(3, seed=1), numbers])
    spec = turning(spec, name, count, rotation_frame=frame)
    usual = numbers.mean(axis=0)
    spec.statistics.action = Moments([0.0] * 3 + usual.tolist(), [1.0] * (3 + count))
    np.testing.assert_allclose(executed(spec, actions), actions, atol=1e-9)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_orientations_are_written_as_in_training(spec: ModelSpec, name: str) -> None:
    """A hand that points down is turned by almost 180 degrees, on this or that side of them."""
    count = CONVENTIONS[name]
    down = Rotation.from_rotvec(drawn(3)) * Rotation.from_rotvec([math.pi, 0.0, 0.0])
    numbers = turns(name, down)
    if name.startswith("quaternion"):
        numbers *= np.sign(numbers @ numbers[0])[:, None]
    elif count == 3:  # all on the same side
        first = numbers[:, :1] if name != "euler_intrinsic_zyx" else numbers[:, 2:]
        whole = numbers * (1 - 2 * math.pi / np.linalg.norm(numbers, axis=1, keepdims=True))
        if name == "rotation_vector":
            numbers = np.where(first < 0, whole, numbers)
        else:
            first[first < 0] += 2 * math.pi
    spec = turning(spec, name, count, rotation_mode="absolute")
    usual = [0.0] * 3 + numbers.mean(axis=0).tolist()
    spec.statistics.action = Moments(usual, [1.0] * len(usual))
    actions = np.hstack([drawn(3, seed=1), numbers])
    np.testing.assert_allclose(executed(spec, actions), actions, atol=1e-9)


def turns(name: str, rotations: Rotation) -> np.ndarray:
    """Write rotations as SciPy and NumPy do."""
    matrices = rotations.as_matrix()
    written: dict[str, Any] = {
        "euler_extrinsic_xyz": rotations.as_euler("xyz"),
        "euler_intrinsic_zyx": rotations.as_euler("ZYX"),
        "rotation_vector": rotations.as_rotvec(),
        "quaternion_xyzw": rotations.as_quat(),
        "quaternion_wxyz": rotations.as_quat(scalar_first=True),
        "rotation_6d_rows": matrices[:, :2].reshape(-1, 6),
        "rotation_6d_columns": matrices[:, :, :2].transpose(0, 2, 1).reshape(-1, 6),
    }
    return np.array(written[name])


def test_angular_velocities(spec: ModelSpec) -> None:
    spec = turning(spec, "rotation_vector", mode="velocity")
    actions = drawn(6)
    np.testing.assert_allclose(executed(spec, actions), actions, atol=1e-9)


def test_between_two_commands_the_arm_goes_straight(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    history = rig.commander.history
    history.clear()
    for time, x in ((1.0, 0.0), (1.5, 0.3)):
        history.add(time, 0.0, np.array([x, 0.0, 0.0, *DOWN]))
    found = ExecutedActions(spec, rig.commander, PoseMonitor()).between([1.1, 1.2, 1.4])
    assert found is not None
    np.testing.assert_allclose(found, [[0.06, 0, 0], [0.12, 0, 0]], atol=1e-9)


def test_a_moving_arm_lags_behind_its_commands(spec: ModelSpec) -> None:
    rig = CommanderRig(spec, lag=0.1)
    history = rig.commander.history
    history.clear()
    for tick in range(100):
        history.add(1.0 + 0.01 * tick, 0.0, np.array([(0.01 * tick) ** 2, 0.0, 0.0, *DOWN]))
    found = ExecutedActions(spec, rig.commander, PoseMonitor()).between([1.5, 1.7])
    assert found is not None
    assert found[0, 0] == pytest.approx(0.6**2 - 0.4**2)


def test_before_the_goal_nobody_knows_what_was_executed(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    told = ExecutedActions(spec, rig.commander, PoseMonitor())
    assert told.known_since == 0.0
    assert told.between([-0.1, 0.1]) is None
    rig.commander.history.clear()
    assert told.known_since == math.inf
    assert told.between([-0.1, 0.1]) is None


def measured(spec: ModelSpec, *times: float, speed: float = 0.0) -> ExecutedActions:
    """Measure an arm that moves along x at some times, and tell what was executed."""
    assert spec.action.command
    spec.action.command.reference = "measured"
    poses = PoseMonitor()
    for time in times:
        place = START + np.array([speed * time, 0.0, 0.0])
        poses.history.add(Pose(place, DOWN, 0.0, stamp=time))
    return ExecutedActions(spec, CommanderRig(spec).commander, poses)


def test_measured_poses_must_cover_the_time(spec: ModelSpec) -> None:
    told = measured(spec, *np.arange(1.0, 1.51, 0.05), *np.arange(1.8, 2.5, 0.05))
    assert told.known_since == 1.0
    assert told.between([1.0, 1.5]) is not None
    assert told.between([0.9, 1.2]) is None, "before the first"
    assert told.between([1.3, 1.9]) is None, "a gap"
    assert told.between([2.0, 2.7]) is None, "after the last"


@pytest.mark.parametrize("period", [0.011, 0.033, 0.1])
def test_the_newest_pose_may_be_older_than_the_image(spec: ModelSpec, period: float) -> None:
    """The plan is requested when the image arrives, and the pose of its moment comes later."""
    told = measured(spec, *np.arange(1.0, 2.0 - 0.9 * period, period), speed=0.1)
    found = told.between([1.6, 1.8, 2.0])
    assert found is not None
    np.testing.assert_allclose(found[:, 0], [0.02, 0.02], atol=1e-9)


@pytest.mark.parametrize("name", ["euler_extrinsic_xyz", "euler_intrinsic_zxz"])
def test_the_other_euler_angles_of_a_rotation_are_known(spec: ModelSpec, name: str) -> None:
    """A middle angle beyond SciPy's range: 1.8 rad is 1.34 rad with both others turned around."""
    rows = STEPS * FRAMESKIP
    middle = 1.8 if name.endswith("xyz") else -0.5
    numbers = np.array([0.1, middle, 0.1]) + drawn(3, size=0.05)
    spec = turning(spec, name, 3, rotation_mode="absolute")
    spec.statistics.action = Moments([0.0] * 3 + [0.1, middle, 0.1], [1.0] * 6)
    actions = np.hstack([np.zeros((rows, 3)), numbers])
    np.testing.assert_allclose(executed(spec, actions), actions, atol=1e-9)


def test_a_number_that_no_command_carries_is_refused(spec: ModelSpec) -> None:
    names = ["dx", "dy", "dz", "done"]
    command = CommandMapping("relative", names[:3])
    spec.action = ActionSpec(names, ["m"] * 3 + ["1"], "base", command=command)
    spec.statistics.action = Moments([0.0] * 4, [1.0] * 4)
    with pytest.raises(ConfigError, match=r"executed value of 'done' is unknown.*action\.fixed"):
        ExecutedActions(spec, CommanderRig(spec).commander, PoseMonitor())
