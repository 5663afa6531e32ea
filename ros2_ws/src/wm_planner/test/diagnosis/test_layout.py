"""The order, sign and unit of recorded action columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wm_planner.diagnosis import layout
from wm_planner.diagnosis.episode import Episode, RecordingError
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


def _verdicts(results: list[layout.Result]) -> dict[str, str]:
    return {result.name: result.verdict for result in results}


def test_sound_columns_have_no_finding(moving: tuple[ModelSpec, Episode]) -> None:
    spec, episode = moving
    assert set(_verdicts(layout.columns(episode.rows, spec)).values()) == {"ok"}
    assert _verdicts(layout.motion(episode, spec)) == {"motion_axes": "ok", "motion_scale": "ok"}


@pytest.mark.parametrize("order", [[1, 0, 2], [2, 0, 1], [0, 2, 1]])
def test_an_index_slip_is_told_by_statistics_and_by_motion(
    moving: tuple[ModelSpec, Episode], order: list[int]
) -> None:
    spec, episode = moving
    slipped = replace(episode, actions=episode.actions[..., order])
    found = {r.name: r for r in layout.columns(slipped.rows, spec)}["action_columns"]
    assert found.verdict == "stop"
    for column, source in enumerate(order):
        told = f"{spec.action.names[source]} from column {column + 1}" in found.sentence
        assert told == (column != source)
    (moved,) = layout.motion(slipped, spec)
    assert moved.verdict == "stop"
    for column, source in enumerate(order):
        told = f"'{spec.action.names[column]}' moves {'xyz'[source]}" in moved.sentence
        assert told == (column != source)


def test_another_number_of_columns_stops(moving: tuple[ModelSpec, Episode]) -> None:
    spec, episode = moving
    (found,) = layout.columns(np.pad(episode.rows, ((0, 0), (0, 2))), spec)
    assert (found.name, found.verdict, found.score) == ("action_dim", "stop", 5)
    assert "never cut or pad" in found.sentence


def test_a_column_in_another_unit_is_named(moving: tuple[ModelSpec, Episode]) -> None:
    spec, episode = moving
    rows = episode.rows * [1, 100, 1]
    found = {r.name: r for r in layout.columns(rows, spec)}["action_columns"]
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
    found = {r.name: r for r in layout.columns(rows, spec)}["action_columns"]
    assert "a2 from column 8, a7 from column 3" in found.sentence


def test_a_turned_sign_and_a_wrong_scale_are_named(moving: tuple[ModelSpec, Episode]) -> None:
    spec, episode = moving
    (found,) = layout.motion(replace(episode, actions=episode.actions * [1, 1, -1]), spec)
    assert found.verdict == "stop"
    assert "'dz' moves z the other way" in found.sentence
    scaled = layout.motion(replace(episode, actions=episode.actions * 100), spec)
    assert _verdicts(scaled) == {"motion_axes": "ok", "motion_scale": "warn"}
    assert scaled[1].score == pytest.approx(100, rel=0.05)
    assert "action_scale" in scaled[1].sentence


def test_an_arm_that_does_not_follow_warns(moving: tuple[ModelSpec, Episode]) -> None:
    spec, episode = moving
    track = np.cumsum(np.random.default_rng(1).normal(0, 0.01, STEPS + 1))
    lost = replace(episode, places={**episode.places, "y": track})
    (found,) = layout.motion(lost, spec)
    assert found.verdict == "warn"
    assert "'dy'" in found.sentence


def test_absolute_actions_are_compared_by_their_differences(
    moving: tuple[ModelSpec, Episode],
) -> None:
    spec, episode = moving
    command = CommandMapping("absolute", spec.action.names)
    spec = replace(spec, action=replace(spec.action, command=command))
    places = np.cumsum(episode.actions, axis=0)
    assert _verdicts(layout.motion(replace(episode, actions=places), spec)) == {
        "motion_axes": "ok",
        "motion_scale": "ok",
    }


def test_forces_and_velocities_are_not_taken_for_places() -> None:
    names = ["vx", "x", "ee_y", "force_z", "goal_x"]
    assert layout.coordinates(names) == {"x": 1, "y": 2, "z": 3}
    assert layout.axis_of("yaw") == ""


def test_streams_of_different_length_are_refused() -> None:
    with pytest.raises(RecordingError, match="9 frames of x for 9 model steps"):
        Episode("toy", np.zeros((9, 1, 3)), places={"x": np.zeros(9)})
