"""Wrong statistics are found, measured in sigma, and explained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import recorded
import torch

from wm_planner.models.dino_wm.datasets import Data, compare, read
from wm_planner.models.dino_wm.datasets.moments import of_tensors
from wm_planner.models.spec import Moments, Statistics


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return read(recorded.point_maze(tmp_path), "point_maze", n_rollout=16)


def moments(mean: object, std: object) -> Moments:
    return Moments(np.asarray(mean).tolist(), np.asarray(std).tolist())


def changed(data: Data, change: Callable[[Moments], Moments]) -> Statistics:
    """The training's statistics with another action."""
    statistics = data.statistics()
    statistics.action = change(statistics.action)
    return statistics


def explanation(statistics: Statistics, data: Data) -> str:
    match = compare(statistics, data)
    assert not match.right
    assert match.part == "none"
    return match.quantities[0].explanation


def test_right_statistics_are_right(data: Data) -> None:
    match = compare(data.statistics(), data)
    assert match.right
    assert match.explanations == ()
    assert match.shift == 0
    assert len(match.evidence) == 3


def test_rounding_of_float32_still_matches(data: Data) -> None:
    shaken = changed(
        data, lambda m: moments(np.array(m.mean) * (1 + 1e-7), np.array(m.std) * (1 - 1e-7))
    )
    assert compare(shaken, data).right


def test_shift_is_what_moves_an_action_of_one_sigma(data: Data) -> None:
    std = np.array(data.statistics().action.std)
    statistics = changed(data, lambda m: moments(m.mean + 0.2 * std * [1, 0], m.std + 0.3 * std))
    assert compare(statistics, data).shift == pytest.approx(0.5)


def test_episode_left_out_is_named(data: Data) -> None:
    kept = [i for i in data.parts["all"] if i != 7]
    mean, std = data.measured("action", kept)
    text = explanation(changed(data, lambda m: moments(mean, std)), data)
    assert "part 'all' without episode 7" in text


def test_episode_added_to_the_training_split_is_named(data: Data) -> None:
    mean, std = data.measured("action", [*data.parts["train"], 18])
    text = explanation(changed(data, lambda m: moments(mean, std)), data)
    assert "part 'train' and episode 18" in text


def test_episodes_that_are_gone_are_counted(data: Data, tmp_path: Path) -> None:
    statistics = data.statistics()
    for name in ("actions", "states", "seq_lengths"):
        path = tmp_path / f"{name}.pth"
        torch.save(torch.load(path, weights_only=True)[:15].clone(), path)
    match = compare(statistics, read(tmp_path, "point_maze", n_rollout=16))
    assert not match.right
    assert "record 16 episodes of 161 steps" in match.evidence[-1]
    assert "has 15 of 150 steps" in match.evidence[-1]


def test_one_episode_is_found_beside_a_column_that_never_changes(tmp_path: Path) -> None:
    recorded.franka_stacked(tmp_path)
    actions = torch.load(tmp_path / "actions.pth", weights_only=True)
    actions[..., 3] = 0.04
    torch.save(actions, tmp_path / "actions.pth")
    other = read(tmp_path, "franka", n_rollout=6).statistics()
    assert "first 6 episodes" in explanation(other, read(tmp_path, "franka"))


def test_rows_after_the_end_are_named(data: Data) -> None:
    mean, std = data.measured("action", data.parts["all"], clip=False)
    text = explanation(changed(data, lambda m: moments(mean, std)), data)
    assert "not clipped to seq_lengths" in text


def test_exchanged_columns_are_named(data: Data) -> None:
    text = explanation(changed(data, lambda m: Moments(m.mean[::-1], m.std[::-1])), data)
    assert "columns [1, 0]" in text


def test_exchanged_columns_of_other_data_are_named(data: Data) -> None:
    statistics = data.statistics()
    statistics.proprio = Moments(
        [m + 0.003 for m in np.roll(statistics.proprio.mean, 1)], np.roll(statistics.proprio.std, 1)
    )
    text = compare(statistics, data).quantities[1].explanation
    assert "columns [3, 0, 1, 2]" in text
    assert "index slip" in text


def test_numpys_std_is_named(data: Data) -> None:
    rows = np.concatenate([data.episode(i).actions for i in range(len(data))])
    text = explanation(changed(data, lambda m: moments(rows.mean(0), rows.std(0))), data)
    assert "ddof 0" in text


@pytest.mark.parametrize("factor", [1000.0, 0.5])
def test_another_unit_is_named(data: Data, factor: float) -> None:
    text = explanation(
        changed(data, lambda m: moments(factor * np.array(m.mean), factor * np.array(m.std))), data
    )
    assert f"{factor:g} times" in text


def test_rounded_statistics_are_named(data: Data) -> None:
    text = explanation(
        changed(data, lambda m: moments(np.round(m.mean, 3), np.round(m.std, 3))), data
    )
    assert "rounded to 3 decimals" in text


def test_statistics_of_normalize_action_false_are_named(data: Data) -> None:
    text = explanation(changed(data, lambda m: Moments([0.0, 0.0], [1.0, 1.0])), data)
    assert "normalize_action false" in text


def test_another_split_ratio_is_named(data: Data, tmp_path: Path) -> None:
    other = read(tmp_path, "point_maze", n_rollout=16, split_ratio=0.8).statistics("train")
    assert "split_ratio 0.8" in explanation(other, data)


def test_train_split_of_one_episode_more_is_named(data: Data, tmp_path: Path) -> None:
    other = read(tmp_path, "point_maze", n_rollout=17).statistics("train")
    assert "split of 17 episodes" in explanation(other, data)


def test_unrelated_statistics_are_not_explained(data: Data) -> None:
    statistics = changed(data, lambda m: Moments([5.0, -7.0], [0.3, 9.0]))
    match = compare(statistics, data)
    assert match.quantities[0].explanation == ""
    assert "they come from other data" in match.evidence[0]
    assert match.nearest in ("all", "train", "validation")


def test_unscaled_pusht_actions_are_named(tmp_path: Path) -> None:
    data = read(recorded.pusht(tmp_path), "pusht")
    text = explanation(
        changed(data, lambda m: moments(100 * np.array(m.mean), 100 * np.array(m.std))), data
    )
    assert "not divided by action_scale 100" in text


def test_pusht_statistics_computed_from_the_data_are_named(tmp_path: Path) -> None:
    data = read(recorded.pusht(tmp_path), "pusht")
    pair = of_tensors(data.measured("action", data.parts["train"]))
    text = explanation(changed(data, lambda m: moments(*pair)), data)
    assert "computed over part 'train', where the training used upstream's constants" in text


def test_folder_validation_statistics_are_named(tmp_path: Path) -> None:
    data = read(recorded.wall_folders(tmp_path), "wall", split_mode="folder")
    match = compare(data.statistics("validation"), data)
    assert match.part == "validation"
    assert not match.right
    assert "'validation'), not of 'train'" in match.evidence[0]


def test_columns_of_another_layout_are_named(tmp_path: Path) -> None:
    data = read(recorded.franka_stacked(tmp_path), "franka")
    statistics = data.statistics()
    kept = [0, 1, 2, 4]
    statistics.action = Moments(
        [statistics.action.mean[i] for i in kept], [statistics.action.std[i] for i in kept]
    )
    match = compare(statistics, data)
    assert "[x_start, y_start, z_start, y]" in match.quantities[0].explanation
    assert match.shift == np.inf


def test_changed_files_are_told_from_the_digest(data: Data, tmp_path: Path) -> None:
    statistics = data.statistics()
    torch.save(recorded.numbers(9, 20, 11, 2), tmp_path / "actions.pth")
    match = compare(statistics, read(tmp_path, "point_maze", n_rollout=16))
    assert not match.right
    assert "not those they came from" in match.evidence[-1]


def test_one_episode_of_a_thousand_is_found(tmp_path: Path) -> None:
    data = read(recorded.point_maze_numbers(tmp_path, 1000), "point_maze")
    other = read(tmp_path, "point_maze", n_rollout=999).statistics()
    assert "first 999 episodes" in explanation(other, data)
