"""Models that move some axes only, such as planar pushing: the others stay as commanded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from commander_rig import DOWN, START, CommanderRig

from wm_planner.config import CommandsConfig
from wm_planner.control.action_mapping import ActionMapping
from wm_planner.diagnosis.checks.motion import named_axes
from wm_planner.models import ModelSpec, SpecError
from wm_planner.models.spec import CommandMapping
from wm_planner.types import Pose

HERE = np.array([0.5, 0.1, 0.3, *DOWN])


def planar(spec: ModelSpec, mode: str = "relative", **changes: Any) -> ModelSpec:
    """Two numbers that move the hand in x and y, as the PushT models of a Franka have."""
    unit = "m/s" if mode == "velocity" else "m"
    command = CommandMapping(mode, ["dx", "dy", "hold"], **changes)
    spec.action = replace(
        spec.action, names=["dx", "dy"], units=[unit] * 2, lower=[], upper=[], command=command
    )
    moments = spec.statistics.action
    moments.mean, moments.std = moments.mean[:2], moments.std[:2]
    return spec


@pytest.mark.parametrize(
    ("mode", "ends"),
    [
        ("relative", [[0.51, 0.12, 0.3], [0.52, 0.14, 0.3]]),
        ("absolute", [[0.01, 0.02, 0.3], [0.01, 0.02, 0.3]]),
        ("velocity", [[0.502, 0.104, 0.3], [0.504, 0.108, 0.3]]),  # at 5 Hz
    ],
)
def test_a_held_axis_stays_where_the_plan_begins(
    spec: ModelSpec, mode: str, ends: list[list[float]]
) -> None:
    mapping = ActionMapping(planar(spec, mode), CommandsConfig())
    path = mapping.path([[0.01, 0.02], [0.01, 0.02]], HERE)
    np.testing.assert_allclose(path[:, :3], ends)
    np.testing.assert_array_equal(path[:, 3:], [DOWN, DOWN])


def test_the_arm_moves_in_the_plane(spec: ModelSpec) -> None:
    rig = CommanderRig(planar(spec))
    rig.plan([0.02, 0.01])
    rig.run(0.5)
    assert rig.positions()[-1][0] > START[0] + 0.01
    np.testing.assert_array_equal(rig.positions()[:, 2], START[2])


def test_an_arm_that_sags_does_not_creep_down(spec: ModelSpec) -> None:
    """Plans begin at the measured pose, but what no action moves at the commanded one."""

    class Sagging(CommanderRig):
        def pose(self) -> Pose:
            pose = super().pose()
            return Pose(pose.position - [0.0, 0.0, 0.004], pose.orientation, 0.0)

    rig = Sagging(planar(spec, reference="measured"))
    for _ in range(10):
        rig.commander.splice([[0.005, 0.0]] * 5, rig.now, rig.now, rig.pose())
        rig.run(0.2)
    assert rig.positions()[-1][0] > START[0] + 0.01
    np.testing.assert_allclose(rig.positions()[:, 2], START[2] - 0.004, atol=1e-9)


def test_joints_can_be_held(spec: ModelSpec) -> None:
    planar(spec)
    spec.action.units = ["rad", "rad"]
    spec.action.command = CommandMapping("relative", ["hold", "dx", "dy"], joints=["a", "b", "c"])
    mapping = ActionMapping(spec, CommandsConfig(type="joint_state"))
    path = mapping.path([[0.1, 0.2], [0.1, 0.2]], np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(path, [[1.0, 2.1, 3.2], [1.0, 2.2, 3.4]])


def test_the_doctor_compares_the_axes_that_move(spec: ModelSpec) -> None:
    planar(spec)
    assert spec.action.command
    spec.action.command.position = ["hold", "dy", "dx"]
    assert named_axes(spec) == {"y": "dy", "z": "dx"}


@pytest.mark.parametrize(
    ("position", "words"),
    [
        (["hold", "hold", "hold"], "holds everything"),
        (["dx", "dy"], r"2 are given \(dx, dy\). Write hold for an axis"),
        (["dx", "dx", "hold"], "names a number twice"),
        (["dx", "held", "hold"], r"names \['held'\], which action.names lacks"),
    ],
)
def test_impossible_mappings_are_refused(spec: ModelSpec, position: list[str], words: str) -> None:
    action = planar(spec).action
    with pytest.raises(SpecError, match=words):
        replace(action, command=CommandMapping("relative", position))


def test_no_number_may_be_called_hold(spec: ModelSpec) -> None:
    action = planar(spec).action
    with pytest.raises(SpecError, match="means that nothing moves: rename it"):
        replace(action, names=["dx", "hold"], command=None)
