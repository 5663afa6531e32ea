"""Altered, cut and missing episodes of a dataset are named."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import recordings
import torch

from wm_planner.datasets import episode_digests, read
from wm_planner.diagnosis.checks.episodes import judge_changes

EPISODES, STEPS = 6, 5


def _write(directory: Path, chosen: list[int]) -> Path:
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 0.02, (EPISODES, STEPS, 3)).astype(np.float32)
    places = rng.normal(0, 1, (EPISODES, STEPS + 1, 3)).astype(np.float32)
    films = rng.integers(0, 255, (EPISODES, STEPS + 1, 200, 200, 3)).astype(np.uint8)
    return recordings.write_set(directory, rows[chosen], places[chosen], films[chosen])


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    return _write(tmp_path / "set", list(range(EPISODES)))


def _said(recorded: list[str], directory: Path) -> str:
    data = read(directory, "franka")
    return judge_changes(episode_digests.compare(recorded, data), len(data), "d").sentence


def test_episodes_that_are_as_they_were_have_no_finding(data_set: Path) -> None:
    assert _said(episode_digests.record(read(data_set, "franka")), data_set) == ""


def test_changed_episodes_are_named(data_set: Path) -> None:
    recorded = episode_digests.record(read(data_set, "franka"))
    actions = torch.load(data_set / "actions.pth")
    actions[3, 2, 0] += 0.001
    torch.save(actions, data_set / "actions.pth")
    assert "or with other actions, states or length: episode 3." in _said(recorded, data_set)
    cut = data_set / "obses/episode_001.pth"
    cut.write_bytes(cut.read_bytes()[:-1000])
    other = data_set / "obses/episode_004.pth"
    film = torch.load(other)
    film[2] = 0
    torch.save(film, other)
    (data_set / "obses/episode_005.pth").unlink()
    said = _said(recorded, data_set)
    assert "the images are others in episodes 1, 4; the images are missing of episode 5." in said


def test_an_episode_that_is_left_out_is_named_and_not_those_behind_it(
    data_set: Path, tmp_path: Path
) -> None:
    recorded = episode_digests.record(read(data_set, "franka"))
    rest = [0, 1, 3, 4, 5]
    fewer = _write(tmp_path / "fewer", rest)
    for now, before in enumerate(rest):
        film = data_set / f"obses/episode_{before:03d}.pth"
        shutil.copyfile(film, fewer / f"obses/episode_{now:03d}.pth")
    said = _said(recorded, fewer)
    assert "it has 5 episodes, the training read 6; missing, or with other" in said
    assert "length: episode 2." in said


def test_a_deleted_row_is_named_though_as_many_episodes_are_read(
    data_set: Path, tmp_path: Path
) -> None:
    recorded = episode_digests.record(read(data_set, "franka", n_rollout=5))
    rest = [0, 2, 3, 4, 5]
    fewer = _write(tmp_path / "fewer", rest)
    for now, before in enumerate(rest):
        film = data_set / f"obses/episode_{before:03d}.pth"
        shutil.copyfile(film, fewer / f"obses/episode_{now:03d}.pth")
    data = read(fewer, "franka", n_rollout=5)
    changes = episode_digests.compare(recorded, data)
    assert (changes.numbers, changes.images) == ([1], [])


def test_without_recorded_digests_missing_images_are_named(data_set: Path) -> None:
    assert _said([], data_set) == ""
    (data_set / "obses/episode_002.pth").unlink()
    assert "the images are missing of episode 2." in _said([], data_set)


def test_images_that_cannot_be_read_are_not_called_missing(data_set: Path) -> None:
    recorded = episode_digests.record(read(data_set, "franka"))
    file = data_set / "obses/episode_002.pth"
    file.unlink()
    file.mkdir()  # also root cannot read it
    for digests in (recorded, []):
        said = _said(digests, data_set)
        assert "the files of images cannot be read of episode 2: check their permissions" in said
        assert "missing" not in said
