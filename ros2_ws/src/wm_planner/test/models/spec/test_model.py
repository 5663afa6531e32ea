"""Normalization and bounds of actions."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.models import ModelSpec


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
