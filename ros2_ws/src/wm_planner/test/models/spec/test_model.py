"""Normalization and bounds of actions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from wm_planner.models import ModelSpec, SpecError


def test_normalization_tiles_over_the_environment_steps(spec: ModelSpec) -> None:
    spec.frameskip = 2
    actions = np.arange(6.0).reshape(1, 6)
    normal = spec.normalize_actions(actions)
    assert normal[0, 4] == pytest.approx((4.0 - 0.002) / 0.03)
    np.testing.assert_allclose(spec.denormalize_actions(normal), actions)


def test_normalized_zero_is_the_mean_action(spec: ModelSpec) -> None:
    np.testing.assert_allclose(spec.denormalize_actions(np.zeros(3)), spec.statistics.action.mean)


def test_bounds_are_those_of_the_spec(spec: ModelSpec) -> None:
    lower, upper = spec.action_bounds()
    np.testing.assert_allclose(spec.denormalize_actions(lower), spec.action.lower)
    np.testing.assert_allclose(spec.denormalize_actions(upper), spec.action.upper)


def test_bounds_are_infinite_if_the_spec_gives_none(spec: ModelSpec) -> None:
    spec.action.lower, spec.action.upper = [], []
    lower, upper = spec.action_bounds()
    assert np.isneginf(lower).all()
    assert np.isposinf(upper).all()


@pytest.mark.parametrize("bounded", [True, False])
def test_a_fixed_number_has_equal_bounds(spec: ModelSpec, bounded: bool) -> None:
    if not bounded:
        spec.action.lower, spec.action.upper = [], []
    spec.frameskip, spec.action.fixed = 2, {"dy": 0.03}
    sides = [spec.denormalize_actions(side).reshape(2, 3) for side in spec.action_bounds()]
    np.testing.assert_allclose([side[:, 1] for side in sides], 0.03)
    assert (sides[0][:, [0, 2]] < sides[1][:, [0, 2]]).all()


def test_first_deviations_are_given_in_physical_units(spec: ModelSpec) -> None:
    assert spec.action_deviation() is None
    spec.frameskip, spec.action.deviation = 2, [0.02, 0.03, 0.05]
    np.testing.assert_allclose(spec.action_deviation(), [1.0, 1.0, 2.0] * 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fixed": {"yaw": 0.0}}, "fixed names 'yaw', which action.names lacks"),
        ({"fixed": {"dx": float("nan")}}, r"action\.fixed is nan"),
        ({"fixed": {"dx": 0.0, "dy": 0.0, "dz": 0.0}}, "nothing to plan"),
        ({"deviation": [0.1, 0.1]}, r"action\.deviation has 2 entries"),
        ({"deviation": [0.1, 0.0, 0.1]}, r"action\.deviation is 0"),
    ],
)
def test_impossible_fixed_numbers_and_deviations_are_refused(
    spec: ModelSpec, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        replace(spec.action, **changes)
