"""Degrees given for radians."""

from __future__ import annotations

from dataclasses import replace

import pytest
from turning import turning

from wm_planner.diagnosis.checks.angle_units import compare_angles
from wm_planner.models import ModelSpec
from wm_planner.models.spec import CONSTANTS, Moments, ProprioRotation, ProprioSpec


def with_turns(spec: ModelSpec, std: float, **changes: str) -> ModelSpec:
    """A model of 5 Hz whose actions turn the hand by ``std`` [rad] in a step."""
    spec = turning(spec, "rotation_vector", **changes)
    spec.statistics.action = Moments([0.0] * 6, [0.02] * 3 + [0.01, std, 0.01])
    return spec


@pytest.mark.parametrize(("std", "verdict"), [(0.1, "ok"), (0.3, "warn"), (0.6, "stop")])
@pytest.mark.parametrize("factor", [1.0, 180 / 3.1416])
def test_turns_that_no_arm_makes_are_degrees(
    spec: ModelSpec, std: float, verdict: str, factor: float
) -> None:
    result = compare_angles(with_turns(spec, factor * std))
    assert result is not None
    assert result.verdict == (verdict if factor == 1.0 else "stop")
    if verdict == "stop":
        assert "action r1" in result.sentence
        assert "look like degrees" in result.sentence


def test_an_angular_velocity_is_judged_as_it_is(spec: ModelSpec) -> None:
    for std, verdict in ((0.9, "ok"), (30.0, "stop")):
        result = compare_angles(with_turns(spec, std, mode="velocity"))
        assert result is not None
        assert result.verdict == verdict


def test_a_slower_arm_turns_more_slowly(spec: ModelSpec) -> None:
    for step_time, verdict in ((0.0, "warn"), (1.0, "ok")):
        slowed = turning(spec, "rotation_vector", step_time=step_time)
        slowed.statistics.action = Moments([0.0] * 6, [0.02] * 3 + [0.3] * 3)
        result = compare_angles(slowed)
        assert result is not None
        assert result.verdict == verdict


def with_orientation(spec: ModelSpec, mean: float, std: float) -> ModelSpec:
    rotation = ProprioRotation(["roll", "pitch", "yaw"], "euler_extrinsic_xyz")
    proprio = ProprioSpec(rotation.names, ["rad"] * 3, rotation)
    statistics = replace(spec.statistics, proprio=Moments([mean, 0.0, 0.0], [std, 0.1, 0.1]))
    return replace(spec, proprio=proprio, statistics=statistics)


@pytest.mark.parametrize(
    ("mean", "std", "verdict"),
    [
        (3.0, 0.1, "ok"),
        (0.1, 3.1, "ok"),  # jumps between -pi and pi
        (170.0, 5.0, "stop"),
        (0.0, 20.0, "stop"),
    ],
)
def test_an_orientation_beyond_pi_is_in_degrees(
    spec: ModelSpec, mean: float, std: float, verdict: str
) -> None:
    result = compare_angles(with_orientation(spec, mean, std))
    assert result is not None
    assert result.verdict == verdict
    assert ("proprio roll" in result.sentence) == (verdict == "stop")


def test_without_angles_or_with_statistics_chosen_by_hand_nothing_is_said(spec: ModelSpec) -> None:
    assert compare_angles(spec) is None
    assert compare_angles(turning(spec, "quaternion_xyzw", 4)) is None
    chosen = with_turns(spec, 1.0)
    assert chosen.statistics.provenance
    chosen.statistics.provenance.split = CONSTANTS
    assert compare_angles(chosen) is None
