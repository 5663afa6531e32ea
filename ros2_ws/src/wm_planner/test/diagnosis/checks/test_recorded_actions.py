"""The number, order, sign, unit and range of recorded action columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from wm_planner.diagnosis.check_result import Result
from wm_planner.diagnosis.checks.action_bounds import compare_bounds
from wm_planner.diagnosis.checks.action_columns import compare_columns
from wm_planner.diagnosis.checks.action_dim import compare_width
from wm_planner.diagnosis.checks.motion import compare_motion
from wm_planner.diagnosis.episode import Episode
from wm_planner.models.spec import ActionSpec, CommandMapping, ModelSpec, Moments

STEPS = 60


@pytest.fixture
def moving(spec: ModelSpec) -> tuple[ModelSpec, Episode]:
    """Displacements with a column each of its own size, followed with noise."""
    rng = np.random.default_rng(0)
    moments = Moments([0.0, 0.01, -0.02], [0.005, 0.02, 0.08])
    spec = replace(spec, statistics=replace(spec.statistics, action=moments))
    actions = rng.normal(moments.mean, moments.std, (STEPS, 1, 3))
    track = np.concatenate([np.zeros((1, 3)), np.cumsum(actions[:, 0], axis=0)])
    track += rng.normal(0, 0.0005, track.shape)
    return spec, Episode("toy", actions, places=dict(zip("xyz", track.T, strict=True)))


def _columns(rows: NDArray[np.float64], spec: ModelSpec) -> Result:
    result = compare_columns(rows, spec)
    assert result is not None
    return result


def _verdicts(results: list[Result]) -> dict[str, str]:
    return {result.name: result.verdict for result in results}


def test_sound_columns_have_no_finding(moving: tuple[ModelSpec, Episode]) -> None:
    spec, episode = moving
    assert compare_width(3, spec).verdict == _columns(episode.rows, spec).verdict == "ok"
    assert _verdicts(compare_motion(episode, spec)) == {"motion_axes": "ok", "motion_scale": "ok"}


@pytest.mark.parametrize("order", [[1, 0, 2], [2, 0, 1], [0, 2, 1]])
def test_a_mixed_up_order_shows_in_statistics_and_in_motion(
    moving: tuple[ModelSpec, Episode], order: list[int]
) -> None:
    spec, episode = moving
    slipped = replace(episode, actions=episode.actions[..., order])
    found = _columns(slipped.rows, spec)
    assert found.verdict == "stop"
    for column, source in enumerate(order):
        named = f"{spec.action.names[source]} from column {column + 1}" in found.sentence
        assert named == (column != source)
    (moved,) = compare_motion(slipped, spec)
    assert moved.verdict == "stop"
    for column, source in enumerate(order):
        named = f"'{spec.action.names[column]}' moves {'xyz'[source]}" in moved.sentence
        assert named == (column != source)


def test_another_number_of_columns_stops(spec: ModelSpec) -> None:
    found = compare_width(5, spec)
    assert (found.name, found.verdict, found.score) == ("action_dim", "stop", 5)
    assert "never cut or pad" in found.sentence


def test_a_column_in_another_unit_is_named(moving: tuple[ModelSpec, Episode]) -> None:
    spec, episode = moving
    rows = episode.rows * [1, 100, 1]
    found = _columns(rows, spec)
    assert found.verdict == "warn"
    assert "Column 2 (dy)" in found.sentence


def test_many_columns_are_ordered_without_trying_all_orders(spec: ModelSpec) -> None:
    names = [f"a{i}" for i in range(9)]
    moments = Moments([0.0] * 9, [2.0**i for i in range(9)])
    spec = replace(
        spec,
        action=ActionSpec(names, ["m"] * 9, "base"),
        statistics=replace(spec.statistics, action=moments),
    )
    rows = np.random.default_rng(0).normal(0, moments.std, (200, 9))
    rows[:, [2, 7]] = rows[:, [7, 2]]
    found = _columns(rows, spec)
    assert "a2 from column 8, a7 from column 3" in found.sentence


def test_a_turned_sign_and_a_wrong_scale_are_named(moving: tuple[ModelSpec, Episode]) -> None:
    spec, episode = moving
    (found,) = compare_motion(replace(episode, actions=episode.actions * [1, 1, -1]), spec)
    assert found.verdict == "stop"
    assert "'dz' moves z the other way" in found.sentence
    scaled = compare_motion(replace(episode, actions=episode.actions * 100), spec)
    assert _verdicts(scaled) == {"motion_axes": "ok", "motion_scale": "warn"}
    assert scaled[1].score == pytest.approx(100, rel=0.05)
    assert "action_scale" in scaled[1].sentence


def test_an_arm_that_does_not_follow_warns(moving: tuple[ModelSpec, Episode]) -> None:
    spec, episode = moving
    track = np.cumsum(np.random.default_rng(1).normal(0, 0.01, STEPS + 1))
    lost = replace(episode, places={**episode.places, "y": track})
    (found,) = compare_motion(lost, spec)
    assert found.verdict == "warn"
    assert "'dy'" in found.sentence


def test_absolute_actions_are_compared_by_their_differences(
    moving: tuple[ModelSpec, Episode],
) -> None:
    spec, episode = moving
    command = CommandMapping("absolute", spec.action.names)
    spec = replace(spec, action=replace(spec.action, command=command))
    places = np.cumsum(episode.actions, axis=0)
    assert _verdicts(compare_motion(replace(episode, actions=places), spec)) == {
        "motion_axes": "ok",
        "motion_scale": "ok",
    }


def test_recorded_actions_outside_the_bounds_are_counted(spec: ModelSpec) -> None:
    rows = np.zeros((100, 3))
    rows[0] = 0.052  # a measured action overshoots a little
    inside = compare_bounds(rows, spec)
    assert inside is not None
    assert inside.verdict == "ok"
    rows[:20, 1] = -0.2
    found = compare_bounds(rows, spec)
    assert found is not None
    assert found.verdict == "stop"
    assert "20.0% of dy" in found.sentence
    unbounded = replace(spec, action=replace(spec.action, lower=[], upper=[]))
    assert compare_bounds(rows, unbounded) is None


def test_actions_of_joints_move_no_axis(moving: tuple[ModelSpec, Episode]) -> None:
    spec, episode = moving
    joints = CommandMapping("relative", spec.action.names[:2], ["joint1", "joint2"])
    spec.action.command = joints
    assert compare_motion(episode, spec) == []
