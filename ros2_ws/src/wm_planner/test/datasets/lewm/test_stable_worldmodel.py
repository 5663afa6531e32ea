"""Data sets of stable-worldmodel: read as its training reads them, and refused if damaged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest
import torch
from lewm_runs import DATA, EPISODES, NUMBERS, convert_lewm

from wm_planner.datasets import DatasetError, compare, episode_digests, open_dataset, read
from wm_planner.datasets.dataset import Dataset
from wm_planner.diagnosis.dataset_episode import dataset_episode
from wm_planner.diagnosis.wrong_statistics.explain import explain
from wm_planner.models.spec import load_spec

KIND = "stable_worldmodel"


def opened(path: Path, normalization: str = "population") -> Dataset:
    return read(path, KIND, normalization=normalization)


def write(path: Path, **columns: Any) -> Path:
    with h5py.File(path, "w") as content:
        for name, value in columns.items():
            if isinstance(value, h5py.ExternalLink | h5py.SoftLink):
                content[name] = value
            elif value is not None:
                content.create_dataset(name, data=value)
    return path


def columns(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    action = rng.normal(size=(7, 2)).astype(np.float32)
    action[[2, 6]] = np.nan
    pixels = rng.integers(0, 256, (7, 8, 8, 3), np.uint8)
    lengths, offsets = np.array([3, 4], np.int32), np.array([0, 3], np.int64)
    return {"action": action, "pixels": pixels, "ep_len": lengths, "ep_offset": offsets, **changes}


def test_an_episode_of_the_genuine_data() -> None:
    data = opened(EPISODES)
    assert len(data) == 2
    episode = data.episode(1)
    with h5py.File(EPISODES) as content:
        recorded = content["action"][41:]
        np.testing.assert_array_equal(episode.actions[:-1], recorded[:-1])
        assert np.isnan(recorded[-1]).all()
        np.testing.assert_array_equal(episode.images, content["pixels"][41:])
    # Where the training has 0 after the normalization, the mean is.
    np.testing.assert_allclose(episode.actions[-1], data.moments("action", "all").mean, rtol=1e-6)


def test_an_episode_at_the_models_step_rate(tmp_path: Path) -> None:
    spec = convert_lewm(DATA / "lewm", tmp_path / "model").spec
    episode = dataset_episode(spec, opened(EPISODES), 0)
    assert episode.actions.shape == (8, 5, 2)
    reference = np.load(DATA / "reference.npz")
    np.testing.assert_array_equal(episode.images, reference["images_raw"])
    np.testing.assert_allclose(episode.rows, reference["actions_raw"], rtol=1e-6)


def test_statistics_leave_out_the_rows_with_nan(tmp_path: Path) -> None:
    given = columns()
    data = opened(write(tmp_path / "a.h5", **given), "sample")
    rows = given["action"][[0, 1, 3, 4, 5]]
    moments = data.moments("action", "all")
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(moments.std, rows.std(axis=0, ddof=1), rtol=1e-6)


def test_channels_may_come_first(tmp_path: Path) -> None:
    pixels = columns()["pixels"]
    path = write(tmp_path / "a.h5", **columns(pixels=np.moveaxis(pixels, 3, 1)))
    np.testing.assert_array_equal(opened(path).episode(1).images, pixels[3:])


def test_a_directory_with_one_file_is_its_file(tmp_path: Path) -> None:
    write(tmp_path / "a.h5", **columns())
    assert opened(tmp_path).directory == tmp_path / "a.h5"
    write(tmp_path / "b.h5", **columns())
    with pytest.raises(DatasetError, match=r"must hold one .h5 file; it holds a.h5, b.h5"):
        opened(tmp_path)


def test_a_converted_model_opens_its_data_as_it_was_read(tmp_path: Path) -> None:
    spec = load_spec(convert_lewm(DATA / "lewm", tmp_path / "model").directory)
    (match,) = compare(spec.statistics, open_dataset(NUMBERS, None, spec))
    assert "all" in match.parts


def test_the_other_deviation_is_recognized(tmp_path: Path) -> None:
    spec = load_spec(convert_lewm(DATA / "lewm", tmp_path / "model").directory)
    sample = opened(NUMBERS, "sample")
    (match,) = compare(spec.statistics, sample)
    assert "with ddof 0 (numpy's std) instead of 1" in explain(match, sample)
    other = sample.statistics()
    (match,) = compare(other, opened(NUMBERS))
    assert "with ddof 1 (torch's std) instead of 0" in explain(match, opened(NUMBERS))


def test_statistics_without_one_episode_are_recognized() -> None:
    data = opened(NUMBERS)
    fewer = data.rule.measure([data.counted("action", i) for i in range(150) if i != 7])
    statistics = data.statistics()
    statistics.action.mean, statistics.action.std = (part.tolist() for part in fewer)
    (match,) = compare(statistics, data)
    assert "without episode 7" in explain(match, data)


def test_changed_episodes_are_named(tmp_path: Path) -> None:
    recorded = episode_digests.record(opened(write(tmp_path / "a.h5", **columns())))
    given = columns()
    given["pixels"][4] = 0
    given["action"][0] = 9
    changes = episode_digests.compare(recorded, opened(write(tmp_path / "a.h5", **given)))
    assert (changes.numbers, changes.images) == ([0], [1])
    gone = opened(write(tmp_path / "a.h5", **columns(pixels=None)))
    assert not gone.has_images
    assert episode_digests.compare(recorded, gone).without == [0, 1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"action": None}, "has no column 'action'"),
        ({"ep_len": None}, "has no column 'ep_len'"),
        ({"action": np.zeros(7, np.float32)}, "not \\(steps, numbers\\)"),
        ({"action": np.zeros((7, 0), np.float32)}, "no array of numbers|not \\(steps, numbers\\)"),
        ({"action": np.full((7, 2), b"x")}, "no array of numbers"),
        ({"action": h5py.ExternalLink("/etc/passwd", "/action")}, "action is a link"),
        ({"action": h5py.SoftLink("/nowhere")}, "action is a link"),
        ({"ep_len": np.array([3.0, 4.0])}, "no array of numbers"),
        ({"ep_len": np.array([[3, 4]])}, "not \\(episodes,\\)"),
        ({"ep_len": np.array([3])}, "1 lengths and 2 offsets"),
        ({"ep_len": np.array([3, 5])}, "episode 1 has 5 steps from row 3, but there are 7 rows"),
        ({"ep_len": np.array([0, 4])}, "episode 0 has 0 steps"),
        ({"ep_offset": np.array([-1, 3])}, "from row -1"),
        ({"ep_offset": np.array([2**62, 3])}, "from row 4611686018427387904"),
        ({"ep_len": np.array([], np.int32), "ep_offset": np.array([], np.int64)}, "is damaged"),
        ({"ep_offset": np.array([0, 2])}, "overlap, or leave out some of the 7 rows"),
        ({"ep_len": np.array([3]), "ep_offset": np.array([0])}, "leave out some of the 7 rows"),
        ({"ep_len": np.array([3] * 9), "ep_offset": np.array([0] * 9)}, "overlap"),
        ({"action": np.full((7, 2), np.nan)}, "action has no row without NaN"),
        ({"action": np.full((7, 2), np.inf)}, "action has infinite numbers"),
        ({"pixels": np.zeros((7, 8, 8, 4), np.uint8)}, "no color images"),
        ({"pixels": np.zeros((7, 8, 8), np.uint8)}, "no color images"),
        ({"pixels": np.zeros((7, 8, 8, 3), np.uint16)}, "no color images"),
        ({"pixels": np.zeros((5, 8, 8, 3), np.uint8)}, "5 images of 7 steps: it is cut short"),
        ({"pixels": np.zeros((7, 8, 8, 3), np.float32)}, "pixels is no array of numbers"),
        ({"pixels": h5py.ExternalLink("/etc/passwd", "/pixels")}, "pixels is a link"),
        ({"pixels": h5py.SoftLink("/nowhere")}, "pixels is a link"),
    ],
)
def test_damaged_numbers(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = write(tmp_path / "a.h5", **columns(**changes))
    with pytest.raises(DatasetError, match=words):
        opened(path)


def test_numbers_that_are_not_stored_take_no_memory(tmp_path: Path) -> None:
    """HDF5 fills in what was never written: a small file may claim any number of rows."""
    path = write(tmp_path / "a.h5", **columns(action=None))
    with h5py.File(path, "a") as content:
        content.create_dataset("action", (10**11, 2), "f4", chunks=(1024, 2))
    assert path.stat().st_size < 100_000
    with pytest.raises(DatasetError, match="action has the shape"):
        opened(path)
    path = write(tmp_path / "b.h5", **columns(action=None))
    with h5py.File(path, "a") as content:
        content.create_dataset("action", (7, 2), "f4", chunks=(7, 2), maxshape=(None, 2))
        content.create_dataset("huge", (10**6, 1000), "f4", chunks=(10**6, 1000))
        del content["action"]
        content["action"] = content["huge"]
    with pytest.raises(DatasetError, match=r"stored in parts of more than 1 GB|has the shape"):
        opened(path)


def test_a_link_into_another_file_is_never_followed(tmp_path: Path) -> None:
    """Opening a named pipe would wait for a writer."""
    os.mkfifo(tmp_path / "pipe")
    path = write(tmp_path / "a.h5", **columns(action=h5py.ExternalLink(tmp_path / "pipe", "/x")))
    with pytest.raises(DatasetError, match="action is a link"):
        opened(path)


def test_an_image_that_is_not_stored_takes_no_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", **columns(pixels=None))
    with h5py.File(path, "a") as content:
        content.create_dataset("pixels", (7, 90_000, 90_000, 3), "u1", chunks=(1, 256, 256, 3))
    with pytest.raises(DatasetError, match="an image of pixels has more than 200 MB"):
        opened(path)


def test_files_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"no HDF5")
    with pytest.raises(DatasetError, match="cannot be read as HDF5"):
        opened(tmp_path / "a.h5")
    with pytest.raises(DatasetError, match="does not exist"):
        opened(tmp_path / "b.h5")
    (tmp_path / "c.lance").mkdir()
    with pytest.raises(DatasetError, match="is a Lance table"):
        opened(tmp_path / "c.lance")


@pytest.mark.parametrize("normalization", [None, "minmax", "", 3])
def test_the_rule_is_never_guessed(normalization: Any) -> None:
    with pytest.raises(DatasetError, match="give --normalization population"):
        opened(NUMBERS, normalization)


@pytest.mark.parametrize("said", [{}, {"kind": "x"}, {1: 2}, {"normalization": 3}, [1], "x", None])
def test_what_a_spec_says_of_its_data_is_not_believed(tmp_path: Path, said: Any) -> None:
    spec = convert_lewm(DATA / "lewm", tmp_path / "model").spec
    spec.source["dataset"] = said
    with pytest.raises(DatasetError, match="give --normalization population"):
        open_dataset(NUMBERS, None, spec)


def test_without_normalization_statistics_are_zero_and_one() -> None:
    statistics = opened(NUMBERS, "none").statistics()
    assert (statistics.action.mean, statistics.action.std) == ([0.0, 0.0], [1.0, 1.0])
    assert statistics.proprio is None


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i8"])
def test_actions_of_any_type_are_numbers(tmp_path: Path, kind: str) -> None:
    action = np.array([[1, 2], [3, 4], [5, 6], [7, 9], [2, 2], [1, 8], [0, 0]], kind)
    data = opened(write(tmp_path / "a.h5", **columns(action=action)))
    assert data.rows["action"][0].dtype == torch.float64
    episode = data.episode(1)
    assert episode.actions.dtype == np.float32
    np.testing.assert_array_equal(episode.actions, action[3:])


def test_published_data_are_compressed_with_blosc(tmp_path: Path) -> None:
    given = columns()
    path = write(tmp_path / "a.h5", **columns(pixels=None))
    with h5py.File(path, "a") as content:
        content.create_dataset(
            "pixels", data=given["pixels"], chunks=(1, 8, 8, 3), **hdf5plugin.Blosc(cname="zstd")
        )
    np.testing.assert_array_equal(opened(path).episode(1).images, given["pixels"][3:])
