"""Statistics that are not the training's are explained by what they are instead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import recorded_datasets as recorded
import torch
from recorded_datasets import changed, moments

from wm_planner.datasets import Dataset, compare, read
from wm_planner.datasets.moments import of_tensors
from wm_planner.diagnosis.wrong_statistics.explain import explain
from wm_planner.models.spec import Moments, Statistics


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return read(recorded.point_maze(tmp_path), "point_maze", n_rollout=16)


def explanation(statistics: Statistics, dataset: Dataset, quantity: int = 0) -> str:
    match = compare(statistics, dataset)[quantity]
    assert match.parts == ()
    return explain(match, dataset)


def test_episode_left_out_is_named(dataset: Dataset) -> None:
    kept = [i for i in dataset.parts["all"] if i != 7]
    mean, std = dataset.measured("action", kept)
    text = explanation(changed(dataset, lambda m: moments(mean, std)), dataset)
    assert "part 'all' without episode 7" in text


def test_episode_added_to_the_training_split_is_named(dataset: Dataset) -> None:
    mean, std = dataset.measured("action", [*dataset.parts["train"], 18])
    text = explanation(changed(dataset, lambda m: moments(mean, std)), dataset)
    assert "part 'train' and episode 18" in text


def test_one_episode_is_found_beside_a_column_that_never_changes(tmp_path: Path) -> None:
    recorded.franka_stacked(tmp_path)
    actions = torch.load(tmp_path / "actions.pth", weights_only=True)
    actions[..., 3] = 0.04
    torch.save(actions, tmp_path / "actions.pth")
    other = read(tmp_path, "franka", n_rollout=6).statistics()
    assert "first 6 episodes" in explanation(other, read(tmp_path, "franka"))


def test_rows_after_the_end_are_named(dataset: Dataset) -> None:
    mean, std = dataset.measured("action", dataset.parts["all"], clip=False)
    text = explanation(changed(dataset, lambda m: moments(mean, std)), dataset)
    assert "not clipped to seq_lengths" in text


def test_exchanged_columns_are_named(dataset: Dataset) -> None:
    text = explanation(changed(dataset, lambda m: Moments(m.mean[::-1], m.std[::-1])), dataset)
    assert "columns [1, 0]" in text


def test_exchanged_columns_of_other_data_are_named(dataset: Dataset) -> None:
    statistics = dataset.statistics()
    statistics.proprio = Moments(
        [m + 0.003 for m in np.roll(statistics.proprio.mean, 1)], np.roll(statistics.proprio.std, 1)
    )
    text = explanation(statistics, dataset, quantity=1)
    assert "columns [3, 0, 1, 2]" in text
    assert "columns of other data were exchanged" in text


def test_numpys_std_is_named(dataset: Dataset) -> None:
    rows = np.concatenate([dataset.episode(i).actions for i in range(len(dataset))])
    text = explanation(changed(dataset, lambda m: moments(rows.mean(0), rows.std(0))), dataset)
    assert "ddof 0" in text


@pytest.mark.parametrize("factor", [1000.0, 0.5])
def test_another_unit_is_named(dataset: Dataset, factor: float) -> None:
    text = explanation(
        changed(dataset, lambda m: moments(factor * np.array(m.mean), factor * np.array(m.std))),
        dataset,
    )
    assert f"{factor:g} times" in text


def test_rounded_statistics_are_named(dataset: Dataset) -> None:
    text = explanation(
        changed(dataset, lambda m: moments(np.round(m.mean, 3), np.round(m.std, 3))), dataset
    )
    assert "rounded to 3 decimals" in text


def test_statistics_of_normalize_action_false_are_named(dataset: Dataset) -> None:
    text = explanation(changed(dataset, lambda m: Moments([0.0, 0.0], [1.0, 1.0])), dataset)
    assert "normalize_action false" in text


def test_another_split_ratio_is_named(dataset: Dataset, tmp_path: Path) -> None:
    other = read(tmp_path, "point_maze", n_rollout=16, split_ratio=0.8).statistics("train")
    assert "split_ratio 0.8" in explanation(other, dataset)


def test_train_split_of_one_episode_more_is_named(dataset: Dataset, tmp_path: Path) -> None:
    other = read(tmp_path, "point_maze", n_rollout=17).statistics("train")
    assert "split of 17 episodes" in explanation(other, dataset)


def test_unrelated_statistics_are_not_explained(dataset: Dataset) -> None:
    statistics = changed(dataset, lambda m: Moments([5.0, -7.0], [0.3, 9.0]))
    assert explanation(statistics, dataset) == ""


def test_unscaled_pusht_actions_are_named(tmp_path: Path) -> None:
    dataset = read(recorded.pusht(tmp_path), "pusht")
    text = explanation(
        changed(dataset, lambda m: moments(100 * np.array(m.mean), 100 * np.array(m.std))), dataset
    )
    assert "not divided by action_scale 100" in text


def test_pusht_statistics_computed_from_the_data_are_named(tmp_path: Path) -> None:
    dataset = read(recorded.pusht(tmp_path), "pusht")
    pair = of_tensors(dataset.measured("action", dataset.parts["train"]))
    text = explanation(changed(dataset, lambda m: moments(*pair)), dataset)
    assert "computed over part 'train', where the training used upstream's constants" in text


def test_validation_statistics_of_a_folder_are_named(tmp_path: Path) -> None:
    dataset = read(recorded.wall_folders(tmp_path), "wall", split_mode="folder")
    match = compare(dataset.statistics("validation"), dataset)[0]
    assert "'validation'), not of 'train'" in explain(match, dataset)


def test_columns_of_another_layout_are_named(tmp_path: Path) -> None:
    dataset = read(recorded.franka_stacked(tmp_path), "franka")
    statistics = dataset.statistics()
    kept = [0, 1, 2, 4]
    statistics.action = Moments(
        [statistics.action.mean[i] for i in kept], [statistics.action.std[i] for i in kept]
    )
    assert "[x_start, y_start, z_start, y]" in explanation(statistics, dataset)


def test_one_episode_of_a_thousand_is_found(tmp_path: Path) -> None:
    dataset = read(recorded.point_maze_numbers(tmp_path, 1000), "point_maze")
    other = read(tmp_path, "point_maze", n_rollout=999).statistics()
    assert "first 999 episodes" in explanation(other, dataset)


@pytest.mark.parametrize(("episodes", "words"), [(13, "1 more"), (11, "1 fewer")])
def test_one_episode_more_or_less_is_named(episodes: int, words: str) -> None:
    """On the genuine run, whose training read 12 episodes."""
    directory = Path(__file__).parents[2] / "data/dino_wm/data/point_maze"
    dataset = read(directory, "point_maze", n_rollout=12)
    other = read(directory, "point_maze", n_rollout=episodes).statistics()
    matches = compare(other, dataset)
    assert len(matches) == 3
    assert 0.01 < matches[0].shift < 1
    for match in matches:
        assert match.parts == ()
        sentence = explain(match, dataset)
        assert f"the first {episodes} episodes" in sentence
        assert words in sentence
