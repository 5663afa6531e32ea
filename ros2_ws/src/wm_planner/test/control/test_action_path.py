"""Actions become paths of positions and orientations, composed as SciPy composes rotations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from turning import turning

from wm_planner.config import CommandsConfig
from wm_planner.control.action_mapping import ActionMapping
from wm_planner.models import ModelSpec

RANDOM = np.random.default_rng(1)
START = np.array([0.5, 0.0, 0.5, *Rotation.random(rng=RANDOM).as_quat()])
CONVENTIONS = {
    "euler_extrinsic_xyz": (3, lambda r: Rotation.from_euler("xyz", r)),
    "euler_extrinsic_zxz": (3, lambda r: Rotation.from_euler("zxz", r)),
    "euler_intrinsic_zyx": (3, lambda r: Rotation.from_euler("ZYX", r)),
    "rotation_vector": (3, Rotation.from_rotvec),
    "quaternion_xyzw": (4, Rotation.from_quat),
    "quaternion_wxyz": (4, lambda r: Rotation.from_quat(r, scalar_first=True)),
}


def mapping(spec: ModelSpec, *form: Any, **changes: Any) -> ActionMapping:
    return ActionMapping(turning(spec, *form, **changes), CommandsConfig())


def apart(found: np.ndarray, wanted: list[Rotation]) -> float:
    """Return the largest difference of quaternions, whatever their signs."""
    quaternions = np.array([rotation.as_quat() for rotation in wanted])
    return float(np.minimum(*(np.abs(found + s * quaternions).max(axis=1) for s in (1, -1))).max())


@pytest.mark.parametrize("name", CONVENTIONS)
@pytest.mark.parametrize("frame", ["base", "tool"])
def test_turns_are_composed_from_the_left_in_the_base_frame_from_the_right_in_the_tool_s(
    spec: ModelSpec, name: str, frame: str
) -> None:
    count, scipy = CONVENTIONS[name]
    actions = RANDOM.normal(size=(20, 3 + count))
    path = mapping(spec, name, count, rotation_frame=frame).path(actions, START)
    at, wanted = Rotation.from_quat(START[3:]), []
    for turn in scipy(actions[:, 3:]):
        at = turn * at if frame == "base" else at * turn
        wanted.append(at)
    assert apart(path[:, 3:], wanted) < 1e-9
    np.testing.assert_allclose(path[:, :3], START[:3] + np.cumsum(actions[:, :3], axis=0))


@pytest.mark.parametrize("name", CONVENTIONS)
def test_absolute_rotations_are_orientations(spec: ModelSpec, name: str) -> None:
    count, scipy = CONVENTIONS[name]
    actions = RANDOM.normal(size=(5, 3 + count))
    path = mapping(spec, name, count, rotation_mode="absolute").path(actions, START)
    assert apart(path[:, 3:], list(scipy(actions[:, 3:]))) < 1e-9


@pytest.mark.parametrize("frame", ["base", "tool"])
def test_an_angular_velocity_turns_for_one_environment_step(spec: ModelSpec, frame: str) -> None:
    actions = RANDOM.normal(size=(4, 6))
    velocities = mapping(spec, "rotation_vector", mode="velocity", rotation_frame=frame)
    turns = mapping(spec, "rotation_vector", rotation_frame=frame)
    path = velocities.path(actions, START)
    np.testing.assert_allclose(path, turns.path(actions / spec.control_rate, START), atol=1e-12)


def test_the_path_is_continuous_where_euler_angles_jump(spec: ModelSpec) -> None:
    """A hand that points down has a roll of pi: absolute Euler angles change their sign there."""
    roll = np.pi + np.linspace(-0.2, 0.2, 21)
    angles = Rotation.from_euler("xyz", np.stack([roll, 0 * roll, 0 * roll], axis=1)).as_euler(
        "xyz"
    )
    assert np.abs(np.diff(angles[:, 0])).max() > 6
    actions = np.hstack([np.zeros((21, 3)), angles])
    path = mapping(spec, rotation_mode="absolute").path(actions, START)
    orientations = Rotation.from_quat(path[:, 3:])
    assert (orientations[1:] * orientations[:-1].inv()).magnitude().max() < 0.0201


def test_without_a_rotation_the_hand_keeps_its_orientation(spec: ModelSpec) -> None:
    path = ActionMapping(spec, CommandsConfig()).path(np.ones((5, 3)), START)
    np.testing.assert_array_equal(path[:, 3:], [START[3:]] * 5)


@pytest.mark.parametrize("index", range(7))
def test_actions_that_are_not_finite_are_unusable(spec: ModelSpec, index: int) -> None:
    actions = np.ones((5, 7))
    found = mapping(spec, "quaternion_xyzw", 4)
    assert found.unusable(actions) == ""
    actions[3, index] = np.nan
    assert found.unusable(actions) == "the plan is not finite"


def test_actions_that_name_no_rotation_are_unusable(spec: ModelSpec) -> None:
    actions = np.ones((5, 7))
    actions[2, 3:] = 0.0
    assert "cannot turn the hand" in mapping(spec, "quaternion_xyzw", 4).unusable(actions)


@pytest.mark.parametrize("number", [1e7, -1e200])
def test_actions_with_absurd_numbers_are_unusable(spec: ModelSpec, number: float) -> None:
    actions = np.ones((5, 6))
    actions[1, 4] = number
    assert "larger than any action" in mapping(spec, "rotation_vector").unusable(actions)
    assert mapping(spec, "rotation_vector").unusable(np.empty((0, 6))) == "the plan is empty"


def test_a_step_may_take_another_time_than_in_the_training(spec: ModelSpec) -> None:
    assert mapping(spec).step_time == 1 / spec.control_rate
    assert mapping(spec, step_time=1.0).step_time == 1.0


@pytest.mark.parametrize("mode", ["relative", "absolute", "velocity"])
def test_positions_of_several_plans_are_those_of_their_paths(spec: ModelSpec, mode: str) -> None:
    plans = RANDOM.normal(size=(4, 5, 6))
    found = mapping(spec, "rotation_vector", mode=mode, rotation_mode="relative")
    wanted = [found.path(plan, START)[:, :3] for plan in plans]
    np.testing.assert_array_equal(found.positions(plans, START), wanted)
