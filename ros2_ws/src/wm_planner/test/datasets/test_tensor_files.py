"""Files are read without running what is in them, and each defect gives a sentence."""

from __future__ import annotations

import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import recorded_datasets as recorded
import torch
from hostile_pickles import damaged_copies

from wm_planner.datasets import DatasetError, read
from wm_planner.datasets.tensor_files import load_lengths, load_tensor, tensor_shape


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.target,))


def test_malicious_tensor_file_stays_inert(tmp_path: Path) -> None:
    recorded.point_maze(tmp_path)
    torch.save(Payload(tmp_path / "ran"), tmp_path / "actions.pth")
    with pytest.raises(DatasetError, match=r"actions\.pth holds something else"):
        read(tmp_path, "point_maze")
    assert not (tmp_path / "ran").exists()


def test_malicious_pickle_of_lengths_stays_inert(tmp_path: Path) -> None:
    recorded.pusht(tmp_path)
    path = tmp_path / "train/seq_lengths.pkl"
    path.write_bytes(pickle.dumps(Payload(tmp_path / "ran")))
    with pytest.raises(DatasetError, match=r"seq_lengths\.pkl must be a list"):
        read(tmp_path, "pusht")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("value", [[3, "4"], [3, 0], {"a": 1}, 7, None, [True] * 5, [2.0] * 5])
def test_lengths_must_be_positive_whole_numbers(tmp_path: Path, value: object) -> None:
    recorded.pusht(tmp_path)
    (tmp_path / "train/seq_lengths.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(DatasetError, match="positive whole numbers"):
        read(tmp_path, "pusht")


@pytest.mark.parametrize("keep", [0, 10, 400])
def test_truncated_files_are_refused(tmp_path: Path, keep: int) -> None:
    recorded.point_maze(tmp_path)
    path = tmp_path / "states.pth"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DatasetError, match=r"states\.pth"):
        read(tmp_path, "point_maze")


@pytest.mark.parametrize("content", [b"", b"\x80\x04", b"hello"])
def test_truncated_pickle_is_refused(tmp_path: Path, content: bytes) -> None:
    recorded.pusht(tmp_path)
    (tmp_path / "val/seq_lengths.pkl").write_bytes(content)
    with pytest.raises(DatasetError, match=r"seq_lengths\.pkl cannot be used: its pickle"):
        read(tmp_path, "pusht")


@pytest.mark.parametrize("name", ["actions.pth", "states.pth", "seq_lengths.pth"])
def test_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (recorded.point_maze(tmp_path) / name).unlink()
    with pytest.raises(DatasetError, match=f"{name} is missing"):
        read(tmp_path, "point_maze")


def test_old_torch_format_is_read(tmp_path: Path) -> None:
    recorded.point_maze(tmp_path)
    before = read(tmp_path, "point_maze").statistics()
    actions = torch.load(tmp_path / "actions.pth", weights_only=True)
    torch.save(actions, tmp_path / "actions.pth", _use_new_zipfile_serialization=False)
    assert read(tmp_path, "point_maze").statistics().action == before.action


def test_files_of_different_recordings_are_refused(tmp_path: Path) -> None:
    recorded.point_maze(tmp_path)
    torch.save(torch.tensor([5] * 19), tmp_path / "seq_lengths.pth")
    with pytest.raises(DatasetError, match="different recordings"):
        read(tmp_path, "point_maze")
    torch.save(recorded.numbers(2, 20, 10, 4), tmp_path / "states.pth")
    with pytest.raises(DatasetError, match="same episodes and steps"):
        read(tmp_path, "point_maze")


def test_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        read(tmp_path / "nowhere", "point_maze")


def test_a_tiny_pickle_takes_no_memory(tmp_path: Path) -> None:
    """It names the memo index 2 ** 27, for which the unpickler in C allocates a gigabyte."""
    path = tmp_path / "seq_lengths.pkl"
    path.write_bytes(b"\x80\x02]r\xff\xff\xff\x07.")
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError, match="positive whole numbers"):
            load_lengths(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("name", ["seq_lengths.pkl", "data.pth", "raw.pth"])
def test_random_damage_gives_a_sentence_or_is_harmless(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "seq_lengths.pkl":
        content, reader = pickle.dumps([10, 20, 300] * 20), load_lengths
    else:
        torch.save(torch.randn(4, 5, 2), path)
        content, reader = path.read_bytes(), load_tensor
    if name == "data.pth":
        with zipfile.ZipFile(path) as archive:
            content = archive.read("data/data.pkl")
    sentences = []
    for damaged in damaged_copies(content, count=500, most=3):
        path.write_bytes(damaged)
        if name == "data.pth":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("data/data.pkl", damaged)
                archive.writestr("data/data/0", bytes(160))
        try:
            reader(path)
        except DatasetError as error:
            sentences.append(str(error))
    assert len(sentences) > 50
    assert all(sentence.startswith(str(path)) for sentence in sentences)


@pytest.mark.parametrize(
    "value",
    [{"a": 1}, None, [1, "x"], [[1], [1, 2]], [2**80], np.zeros(3), [torch.zeros(2)] * 2],
    ids=str,
)
def test_anything_but_a_tensor_of_numbers_is_refused(tmp_path: Path, value: object) -> None:
    recorded.point_maze_numbers(tmp_path)
    torch.save(value, tmp_path / "actions.pth")
    with pytest.raises(DatasetError, match=r"actions\.pth"):
        read(tmp_path, "point_maze")


def test_a_list_of_lengths_and_part_of_a_tensor_are_read(tmp_path: Path) -> None:
    path = tmp_path / "saved.pth"
    torch.save([3, 4], path)
    assert load_lengths(path) == [3, 4]
    values = torch.arange(24.0).reshape(2, 3, 4)
    torch.save(values[:, 1:, ::2], path)
    assert torch.equal(load_tensor(path), values[:, 1:, ::2])
    assert tensor_shape(path) == (2, 2, 2)


def test_digest_changes_with_any_number(tmp_path: Path) -> None:
    before = read(recorded.point_maze(tmp_path), "point_maze").sha256
    states = torch.load(tmp_path / "states.pth", weights_only=True)
    states[3, 2, 1] += 1e-9
    torch.save(states, tmp_path / "states.pth")
    assert read(tmp_path, "point_maze").sha256 != before
