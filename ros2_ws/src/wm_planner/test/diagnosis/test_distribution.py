"""States and actions outside the training's distribution are named with their number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wm_planner.diagnosis import distribution
from wm_planner.diagnosis.distribution import ProprioError
from wm_planner.models.spec import ModelSpec, Moments, ProprioSpec

MEAN, STD = [0.45, 0.0, 0.25], [0.05, 0.1, 0.047]


@pytest.fixture
def arm(spec: ModelSpec) -> ModelSpec:
    statistics = replace(spec.statistics, proprio=Moments(MEAN, STD))
    proprio = ProprioSpec(["ee_x", "ee_y", "ee_z"], ["m"] * 3)
    return replace(spec, proprio=proprio, statistics=statistics)


def _goal(values: list[float], spec: ModelSpec) -> list[distribution.Result]:
    return distribution.state("goal_proprio", values, spec, "goal", "Take another goal.")[0]


def test_a_goal_at_three_and_a_half_sigma_stops_and_is_named(arm: ModelSpec) -> None:
    (found,) = _goal([0.45, 0.0, 0.4145], arm)
    assert found.verdict == "stop"
    assert found.score == pytest.approx(3.5)
    for told in ("ee_z of the goal is 0.4145 m", "0.25 ± 0.047 m", "+3.50 sigma", "another goal"):
        assert told in found.sentence


@pytest.mark.parametrize(("sigma", "verdict"), [(2.4, "ok"), (2.6, "warn"), (-3.1, "stop")])
def test_the_deviation_decides_in_both_directions(
    arm: ModelSpec, sigma: float, verdict: str
) -> None:
    values = [MEAN[0], MEAN[1] + sigma * STD[1], MEAN[2]]
    (found,) = _goal(values, arm)
    assert found.verdict == verdict
    assert "ee_y" in found.evidence


def test_every_number_outside_is_named_the_worst_first(arm: ModelSpec) -> None:
    found = _goal([MEAN[0] + 4 * STD[0], MEAN[1], MEAN[2] + 2.7 * STD[2]], arm)
    assert [(r.verdict, r.sentence.split()[0]) for r in found] == [
        ("stop", "ee_x"),
        ("warn", "ee_z"),
    ]


def test_states_of_another_form_are_refused(arm: ModelSpec, spec: ModelSpec) -> None:
    with pytest.raises(ProprioError, match="3 finite numbers"):
        _goal([0.1, 0.2], arm)
    with pytest.raises(ProprioError, match="3 finite numbers"):
        _goal([0.1, 0.2, float("nan")], arm)
    with pytest.raises(ProprioError, match="images only"):
        _goal([0.1], spec)


def test_recorded_states_outside_are_counted(arm: ModelSpec) -> None:
    states = np.tile(MEAN, (100, 1))
    assert distribution.recorded_states(states, arm).verdict == "ok"
    states[:5, 2] += 1.0
    assert distribution.recorded_states(states, arm).verdict == "warn"
    states[:, 2] += 1.0
    found = distribution.recorded_states(states, arm)
    assert found.verdict == "stop"
    assert "100.0% of ee_z" in found.sentence


def test_recorded_actions_outside_the_bounds_are_counted(spec: ModelSpec) -> None:
    rows = np.zeros((100, 3))
    rows[0] = 0.052  # a measured action overshoots a little
    inside = distribution.recorded_actions(rows, spec)
    assert inside is not None
    assert inside.verdict == "ok"
    rows[:20, 1] = -0.2
    found = distribution.recorded_actions(rows, spec)
    assert found is not None
    assert found.verdict == "stop"
    assert "20.0% of dy" in found.sentence
    unbounded = replace(spec, action=replace(spec.action, lower=[], upper=[]))
    assert distribution.recorded_actions(rows, unbounded) is None
