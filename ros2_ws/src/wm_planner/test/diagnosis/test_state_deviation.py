"""States far from the training's are named with their number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wm_planner.diagnosis.check_result import Result
from wm_planner.diagnosis.checks.recorded_states import compare_states
from wm_planner.diagnosis.state_deviation import ProprioError, compare_state
from wm_planner.models.spec import ModelSpec, Moments, ProprioSpec

MEAN, STD = [0.45, 0.0, 0.25], [0.05, 0.1, 0.047]


@pytest.fixture
def arm(spec: ModelSpec) -> ModelSpec:
    statistics = replace(spec.statistics, proprio=Moments(MEAN, STD))
    proprio = ProprioSpec(["ee_x", "ee_y", "ee_z"], ["m"] * 3)
    return replace(spec, proprio=proprio, statistics=statistics)


def _goal(values: list[float], spec: ModelSpec) -> list[Result]:
    answers = compare_state("goal_proprio", values, spec, "goal", "Take another goal.")
    return [answer for answer in answers if isinstance(answer, Result)]


def test_a_goal_at_three_and_a_half_sigma_stops_and_is_named(arm: ModelSpec) -> None:
    (found,) = _goal([0.45, 0.0, 0.4145], arm)
    assert found.verdict == "stop"
    assert found.score == pytest.approx(3.5)
    for part in ("ee_z of the goal is 0.4145 m", "0.25 ± 0.047 m", "+3.50 sigma", "another goal"):
        assert part in found.sentence


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
    assert compare_states(states, arm).verdict == "ok"
    states[:5, 2] += 1.0
    assert compare_states(states, arm).verdict == "warn"
    states[:, 2] += 1.0
    found = compare_states(states, arm)
    assert found.verdict == "stop"
    assert "100.0% of ee_z" in found.sentence
