"""The statistics of every kind equal an independent computation in float64."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recorded_datasets as recorded
import torch

from wm_planner.datasets import Dataset, DatasetError, read, read_configured
from wm_planner.models.spec import Moments


def expect(moments: Moments | None, rows: np.ndarray, epsilon: float = 0.0) -> None:
    assert moments is not None
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moments.std, rows.std(axis=0, ddof=1) + epsilon, rtol=1e-5)


def test_point_maze_clips_to_lengths_and_reads_n_rollout(tmp_path: Path) -> None:
    data = read(recorded.point_maze(tmp_path), "point_maze", n_rollout=6)
    statistics = data.statistics()
    of = slice(0, 6)
    expect(statistics.action, recorded.rows(tmp_path, "actions.pth", data.lengths, of))
    states = recorded.rows(tmp_path, "states.pth", data.lengths, of)
    expect(statistics.proprio, states)
    expect(statistics.state, states)


@pytest.mark.parametrize("n_rollout", [None, 0])
def test_without_n_rollout_all_episodes_are_read(tmp_path: Path, n_rollout: int | None) -> None:
    assert len(read(recorded.point_maze(tmp_path), "point_maze", n_rollout=n_rollout)) == 20


def test_deformable_adds_epsilon_and_has_one_zero_of_proprio(tmp_path: Path) -> None:
    recorded.deformable(tmp_path / "rope")
    data = read(tmp_path, "deformable", object_name="rope")
    statistics = data.statistics()
    flat = torch.load(tmp_path / "rope/actions.pth", weights_only=True).flatten(0, 1)
    expect(statistics.action, flat.numpy(), epsilon=1e-6)
    assert statistics.proprio is not None
    assert statistics.proprio.mean == [0.0]
    assert statistics.proprio.std == pytest.approx([1e-6])
    assert statistics.state is not None
    assert len(statistics.state.mean) == 12


def test_wall_reduces_over_both_axes_at_once(tmp_path: Path) -> None:
    data = read(recorded.wall(tmp_path), "wall", n_rollout=9)
    actions = torch.load(tmp_path / "actions.pth", weights_only=True)[:9]
    moments = data.statistics().action
    assert moments.mean == actions.mean(dim=(0, 1)).tolist()
    assert moments.std == actions.std(dim=(0, 1)).tolist()
    assert len(data.parts["train"]) == 8


def test_wall_folders_train_with_the_statistics_of_train(tmp_path: Path) -> None:
    data = read(recorded.wall_folders(tmp_path), "wall", split_mode="folder")
    for part, folder in (("train", "train"), ("validation", "val")):
        actions = torch.load(tmp_path / folder / "actions.pth", weights_only=True)
        assert data.statistics(part).action.mean == actions.mean(dim=(0, 1)).tolist()
    assert data.training_part == "train"
    assert data.statistics().action == data.statistics("train").action
    provenance = data.statistics().provenance
    assert provenance is not None
    assert (provenance.split_seed, provenance.episodes) == (-1, 8)


def test_wall_folders_may_have_episodes_of_other_lengths(tmp_path: Path) -> None:
    recorded.wall(tmp_path / "train", seed=1, episodes=8, steps=7)
    recorded.wall(tmp_path / "val", seed=5, episodes=3, steps=4)
    data = read(tmp_path, "wall", split_mode="folder")
    assert data.lengths == [7] * 8 + [4] * 3
    actions = torch.load(tmp_path / "train/actions.pth", weights_only=True)
    assert data.statistics().action.mean == actions.mean(dim=(0, 1)).tolist()
    train = recorded.rows(tmp_path / "train", "actions.pth", [7] * 8)
    val = recorded.rows(tmp_path / "val", "actions.pth", [4] * 3)
    expect(data.statistics("all").action, np.concatenate([train, val]))
    assert data.episode(2, "validation").actions.shape == (4, 2)


def test_pusht_uses_upstreams_constants(tmp_path: Path) -> None:
    statistics = read(recorded.pusht(tmp_path), "pusht").statistics()
    assert statistics.action.mean == pytest.approx([-0.0087, 0.0068])
    assert statistics.action.std == pytest.approx([0.2019, 0.2002])
    assert statistics.proprio is not None
    assert statistics.proprio.mean == pytest.approx([236.6155, 264.5674, -2.93032027, 2.54307914])
    assert statistics.state is not None
    assert statistics.state.std == pytest.approx(
        [101.1202, 87.0112, 52.7054, 57.4971, 1.7556, 74.84556075, 74.14009094]
    )
    assert statistics.provenance is not None
    assert statistics.provenance.split == "constants"


def test_pusht_without_velocity_has_shorter_constants(tmp_path: Path) -> None:
    recorded.pusht(tmp_path)
    for folder in ("train", "val"):
        (tmp_path / folder / "velocities.pth").unlink()
    statistics = read(tmp_path, "pusht", with_velocity=False).statistics()
    assert statistics.proprio is not None
    assert statistics.proprio.mean == pytest.approx([236.6155, 264.5674])
    assert statistics.state is not None
    assert len(statistics.state.mean) == 5


def test_pusht_actions_are_divided_by_a_hundred(tmp_path: Path) -> None:
    data = read(recorded.pusht(tmp_path), "pusht")
    raw = torch.load(tmp_path / "val/rel_actions.pth", weights_only=True)
    episode = data.episode(1, "validation")
    np.testing.assert_allclose(episode.actions, raw[1, :8].numpy() / 100, rtol=1e-6)


def test_action_scale_divides_actions_alone(tmp_path: Path) -> None:
    recorded.point_maze(tmp_path)
    plain = read(tmp_path, "point_maze").statistics()
    scaled = read(tmp_path, "point_maze", action_scale=4.0).statistics()
    assert scaled.action.std == pytest.approx([std / 4 for std in plain.action.std])
    assert scaled.proprio == plain.proprio


def franka_data(directory: Path, form: str) -> Dataset:
    make = recorded.franka_stacked if form == "stacked" else recorded.franka_episodes
    return read(make(directory), "franka")


@pytest.mark.parametrize("form", ["stacked", "episodes"])
def test_franka_takes_proprio_by_name(tmp_path: Path, form: str) -> None:
    data = franka_data(tmp_path, form)
    states = np.concatenate([data.episode(i).states for i in range(len(data))]).astype(np.float64)
    statistics = data.statistics()
    expect(statistics.state, states, epsilon=1e-6)
    expect(statistics.proprio, states[:, [2, 0, 1]], epsilon=1e-6)
    assert data.names["proprio"] == ["z", "x", "y"]
    assert data.units["state"] == ["m", "m", "m", "m", "rad"]


def test_a_missing_layout_points_at_the_page_that_shows_one(tmp_path: Path) -> None:
    (recorded.franka_stacked(tmp_path) / "layout.yaml").unlink()
    with pytest.raises(DatasetError, match=r"layout\.yaml is missing: .*/dino-wm\.md"):
        read(tmp_path, "franka")


def test_a_layout_with_aliases_is_refused(tmp_path: Path) -> None:
    path = recorded.franka_stacked(tmp_path) / "layout.yaml"
    path.write_text(f"{path.read_text()}proprio: [&a z, *a]\n")
    with pytest.raises(DatasetError, match=r"layout\.yaml is not valid YAML: line 19: aliases"):
        read(tmp_path, "franka")


def test_franka_counts_nan_as_zero(tmp_path: Path) -> None:
    recorded.franka_stacked(tmp_path)
    actions = torch.load(tmp_path / "actions.pth", weights_only=True)
    actions[0, 0, 0] = float("nan")
    torch.save(actions, tmp_path / "actions.pth")
    data = read(tmp_path, "franka")
    rows = recorded.rows(tmp_path, "actions.pth", data.lengths)
    expect(data.statistics().action, np.nan_to_num(rows), epsilon=1e-6)


def test_franka_steps_in_hdf5(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    recorded.layout(tmp_path)
    actions, states = recorded.numbers(3, 5, 6).numpy(), recorded.numbers(4, 5, 5).numpy()
    recorded.save(tmp_path / "000000/obses.pth", recorded.images(0, 5))
    for step in (0, 1, 2, 4):  # a missing step counts as zeros
        with h5py.File(tmp_path / f"000000/{step:02d}.h5", "w") as file:
            file["action"], file["eef_states"] = actions[step], states[step].reshape(1, 1, 5)
    actions[3] = states[3] = 0
    statistics = read(tmp_path, "franka").statistics()
    expect(statistics.action, actions, epsilon=1e-6)
    expect(statistics.state, states, epsilon=1e-6)


def _external(h5py: Any, file: Any, secret: Path) -> None:
    file.create_dataset("action", (4,), "u1", external=[(str(secret), 0, 4)])


def _soft_link(h5py: Any, file: Any, secret: Path) -> None:
    file["action"] = h5py.SoftLink("/eef_states")


def _other_file(h5py: Any, file: Any, secret: Path) -> None:
    file["action"] = h5py.ExternalLink(str(secret), "/action")


def _virtual(h5py: Any, file: Any, secret: Path) -> None:
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource(str(secret), "action", (4,))
    file.create_virtual_dataset("action", layout)


def _huge(h5py: Any, file: Any, secret: Path) -> None:
    file.create_dataset("action", (2**40,), "f4", chunks=(1024,))  # nothing of it is stored


def _texts(h5py: Any, file: Any, secret: Path) -> None:
    file["action"] = ["a", "b"]


@pytest.mark.parametrize(
    "make", [_external, _soft_link, _other_file, _virtual, _huge, _texts], ids=lambda m: m.__name__
)
def test_hdf5_that_leads_to_other_files_or_claims_too_much_is_refused(
    tmp_path: Path, make: Callable[[Any, Any, Path], None]
) -> None:
    h5py = pytest.importorskip("h5py")
    secret = tmp_path / "secret"
    secret.write_bytes(b"hunter2")
    recorded.layout(tmp_path)
    recorded.save(tmp_path / "000000/obses.pth", recorded.images(0, 1))
    with h5py.File(tmp_path / "000000/00.h5", "w") as file:
        file["eef_states"] = np.zeros(5)
        make(h5py, file, secret)
    with pytest.raises(DatasetError, match=r"00\.h5 is damaged or lacks action .*action is"):
        read(tmp_path, "franka")


def test_hdf5_without_h5py_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded.layout(tmp_path)
    recorded.save(tmp_path / "000000/obses.pth", recorded.images(0, 5))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DatasetError, match="h5py is not installed"):
        read(tmp_path, "franka")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"proprio": ["z", "w"]}, "must list names of the state"),
        ({"action": {"x": "m"}}, r"6.* numbers a step, layout.yaml names 1: x"),
        ({"epsilon": "small"}, "epsilon must be a number"),
        ({"scale": 2}, "exactly the entries"),
    ],
)
def test_franka_layout_that_does_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    recorded.layout(recorded.franka_stacked(tmp_path), **changes)
    with pytest.raises(DatasetError, match=sentence):
        read(tmp_path, "franka")


def test_franka_without_layout_is_refused(tmp_path: Path) -> None:
    recorded.franka_stacked(tmp_path)
    (tmp_path / "layout.yaml").unlink()
    with pytest.raises(DatasetError, match=r"what the numbers .* mean"):
        read(tmp_path, "franka")


@pytest.mark.parametrize("kind", ["point_maze", "pusht"])
def test_normalize_action_false_is_mean_0_and_std_1(tmp_path: Path, kind: str) -> None:
    data = read(getattr(recorded, kind)(tmp_path), kind, normalize_action=False)
    statistics = data.statistics()
    assert statistics.action == Moments([0.0, 0.0], [1.0, 1.0])
    assert statistics.proprio == Moments([0.0] * 4, [1.0] * 4)
    assert statistics.provenance is not None
    assert "normalize_action false" in statistics.provenance.formula


def test_kind_comes_from_the_configured_target(tmp_path: Path) -> None:
    configured = {
        "_target_": "datasets.wall_dset.load_wall_slice_train_val",
        "n_rollout": None,
        "normalize_action": True,
        "split_ratio": 0.9,
        "split_mode": "folder",
        "data_path": "/elsewhere",
        "transform": {},
    }
    data = read_configured(recorded.wall_folders(tmp_path), configured)
    assert (data.kind, data.training_part) == ("wall", "train")
    with pytest.raises(DatasetError, match="lacks normalize_action"):
        read_configured(tmp_path, {k: v for k, v in configured.items() if k != "normalize_action"})
    with pytest.raises(DatasetError, match=r"my_dset\.load.*not known"):
        read_configured(tmp_path, {**configured, "_target_": "datasets.my_dset.load"})


@pytest.mark.parametrize("kind", [None, "maze"])
def test_unknown_kind_is_refused(tmp_path: Path, kind: str | None) -> None:
    with pytest.raises(DatasetError, match="point_maze, pusht, wall"):
        read(tmp_path, kind)


def test_column_that_never_changes_is_refused(tmp_path: Path) -> None:
    recorded.point_maze(tmp_path)
    actions = torch.load(tmp_path / "actions.pth", weights_only=True)
    actions[..., 1] = 2.0
    torch.save(actions, tmp_path / "actions.pth")
    with pytest.raises(DatasetError, match="never changes"):
        read(tmp_path, "point_maze").statistics()


def test_empty_part_is_refused(tmp_path: Path) -> None:
    data = read(recorded.point_maze(tmp_path), "point_maze", split_ratio=1.0)
    with pytest.raises(DatasetError, match="'validation' has no episodes"):
        data.statistics("validation")
