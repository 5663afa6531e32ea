"""Statistics are compared with each part of a dataset, and the difference measured in sigma."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import recorded_datasets as recorded
import torch
from recorded_datasets import changed, moments

from wm_planner.datasets import Dataset, StatisticsMatch, compare, read
from wm_planner.models.spec import Moments


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return read(recorded.point_maze(tmp_path), "point_maze", n_rollout=16)


def is_right(match: StatisticsMatch, dataset: Dataset) -> bool:
    return dataset.training_part in match.parts


def test_statistics_of_the_training_match(dataset: Dataset) -> None:
    matches = compare(dataset.statistics(), dataset)
    assert [match.quantity for match in matches] == ["action", "proprio", "state"]
    for match in matches:
        assert is_right(match, dataset)
        assert match.shift == 0


def test_rounding_of_float32_still_matches(dataset: Dataset) -> None:
    shaken = changed(
        dataset, lambda m: moments(np.array(m.mean) * (1 + 1e-7), np.array(m.std) * (1 - 1e-7))
    )
    assert is_right(compare(shaken, dataset)[0], dataset)


def test_shift_is_what_moves_an_action_of_one_sigma(dataset: Dataset) -> None:
    std = np.array(dataset.statistics().action.std)
    statistics = changed(dataset, lambda m: moments(m.mean + 0.2 * std * [1, 0], m.std + 0.3 * std))
    assert compare(statistics, dataset)[0].shift == pytest.approx(0.5)


def test_validation_statistics_of_a_folder_match_that_part_alone(tmp_path: Path) -> None:
    dataset = read(recorded.wall_folders(tmp_path), "wall", split_mode="folder")
    for match in compare(dataset.statistics("validation"), dataset):
        assert match.parts == ("validation",)
        assert match.nearest == "validation"


def test_another_number_of_columns_is_infinitely_far(dataset: Dataset) -> None:
    fewer = changed(dataset, lambda m: Moments(m.mean[:1], m.std[:1]))
    match = compare(fewer, dataset)[0]
    assert match.parts == ()
    assert match.shift == np.inf


def test_unrelated_statistics_match_no_part(dataset: Dataset) -> None:
    statistics = changed(dataset, lambda m: Moments([5.0, -7.0], [0.3, 9.0]))
    match = compare(statistics, dataset)[0]
    assert match.parts == ()
    assert match.nearest in ("all", "train", "validation")


def test_statistics_of_episodes_that_are_gone_are_not_right(
    dataset: Dataset, tmp_path: Path
) -> None:
    statistics = dataset.statistics()
    for name in ("actions", "states", "seq_lengths"):
        path = tmp_path / f"{name}.pth"
        torch.save(torch.load(path, weights_only=True)[:15].clone(), path)
    fewer = read(tmp_path, "point_maze", n_rollout=16)
    assert not any(is_right(match, fewer) for match in compare(statistics, fewer))


def test_statistics_of_changed_files_are_not_right(dataset: Dataset, tmp_path: Path) -> None:
    statistics = dataset.statistics()
    torch.save(recorded.numbers(9, 20, 11, 2), tmp_path / "actions.pth")
    other = read(tmp_path, "point_maze", n_rollout=16)
    assert not is_right(compare(statistics, other)[0], other)
