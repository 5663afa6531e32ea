"""The doctor finds frames of a recording between which an object moved, and not the arm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recordings

from wm_planner.diagnosis.episode import Episode
from wm_planner.diagnosis.moved_frames import moved_frames
from wm_planner.models.spec import ModelSpec, Moments

SIDE, STEPS = 80, 24


def _episode(
    cube: Callable[[int], tuple[int, int] | None], sway: float = 0.0, **changes: Any
) -> Episode:
    """An arm of 12 pixels that goes there and back, and a cube of 8 that stands where it is told.

    ``sway`` moves the arm in the image by as many pixels, without its pose.
    """
    way = np.concatenate([np.linspace(0, 1, STEPS // 2 + 1), np.linspace(1, 0, STEPS // 2 + 1)[1:]])
    images = np.full((STEPS + 1, SIDE, SIDE, 3), 120, np.uint8)
    for k, x in enumerate(way):
        left = round(10 + 40 * x + (sway if k > STEPS // 2 else 0))
        images[k, 20:, left : left + 12] = 200
        if place := cube(k):
            images[k, place[0] : place[0] + 8, place[1] : place[1] + 8] = (30, 30, 220)
    fields: dict[str, Any] = {"images": images, "places": {"x": 0.3 * way, "y": 0.0 * way}}
    return Episode("recorded", np.zeros((STEPS, 1, 2)), **{**fields, **changes})


def _pushed(k: int) -> tuple[int, int]:
    return (5, 20) if k < STEPS // 2 else (5, 50)


def test_a_cube_that_was_moved_is_found_at_equal_poses(spec: ModelSpec) -> None:
    episode = _episode(_pushed)
    pair = moved_frames(episode, spec)
    assert pair is not None
    assert pair[0] < STEPS // 2 < pair[1]
    assert pair[0] + pair[1] == STEPS, "the arm is at the same place"


@pytest.mark.parametrize("sway", [0.0, 1.0])
def test_an_arm_that_comes_back_is_no_object(spec: ModelSpec, sway: float) -> None:
    assert moved_frames(_episode(lambda k: (5, 20), sway), spec) is None


def test_what_the_model_does_not_see_does_not_count(spec: ModelSpec) -> None:
    spec.image.camera_crop = [0.0, 0.5, 1.0, 0.5]
    assert moved_frames(_episode(_pushed), spec) is None


def test_noise_of_a_number_that_hardly_varies_is_no_motion(spec: ModelSpec) -> None:
    spec.statistics.proprio = Moments([0.0], [0.04])
    noise = np.random.default_rng(0).normal(0, 1e-4, (2, STEPS + 1))
    episode = _episode(_pushed, proprio=noise[:1].T)
    episode.places["z"] = noise[1]
    assert moved_frames(episode, spec) is not None


def test_a_change_of_all_is_no_object(spec: ModelSpec) -> None:
    episode = _episode(_pushed)
    assert episode.images is not None
    episode.images[STEPS // 2 :] //= 2  # the light
    assert moved_frames(episode, spec) is None


def test_a_state_that_differs_is_another_place(spec: ModelSpec) -> None:
    spec.statistics.proprio = Moments([0.0], [0.04])
    gripper = np.where(np.arange(STEPS + 1) < STEPS // 2, 0.0, 0.08)
    assert moved_frames(_episode(_pushed, proprio=gripper[:, None]), spec) is None


def test_without_a_pose_nothing_is_known(spec: ModelSpec) -> None:
    assert moved_frames(_episode(_pushed, places={}), spec) is None


def test_the_doctor_says_what_the_model_sees_of_it(
    recorded: Any, tmp_path: Path, findings: Callable[..., tuple[int, dict[str, dict[str, Any]]]]
) -> None:
    """The arm went there and back; a patch that the model ignores was moved meanwhile."""
    there = np.arange(11)
    back = np.concatenate([there, there[-2::-1]])  # frames of the arm
    actions = np.concatenate([recorded.actions[:1, :10], -recorded.actions[:1, 9::-1]], axis=1)
    images = recorded.images[:1, back].copy()
    for frames, left in ((slice(None, 11), 60), (slice(11, None), 90)):
        images[:, frames, 2:10, left : left + 8, 1] -= 30
    data = recordings.write_set(tmp_path / "set", actions, recorded.positions[:1, back], images)
    model = recordings.fitted_model(tmp_path / "model", recordings.statistics_of(data))
    _, found = findings(model, "--dataset", data)
    assert found["object_seen"]["verdict"] == "warn"
    assert "a part of the image changed" in found["object_seen"]["sentence"]
