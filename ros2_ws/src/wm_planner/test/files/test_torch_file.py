"""Files of ``torch.save`` are read only as far as their sizes and checksums hold."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
from hostile_pickles import text, write_zip

from wm_planner.files.errors import FileFormatError
from wm_planner.files.torch_file import read_torch_file

STORAGE = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu")
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n("


@pytest.mark.parametrize(
    ("pickled", "words"),
    [
        # (2 ** 40,) elements with stride 0 in a storage of one
        (TENSOR + STORAGE + b"K\x01tQK\x00\x8a\x06" + (2**40).to_bytes(6, "little")
         + b"\x85K\x00\x85\x89NtR.", "in 1 elements"),
        (TENSOR + STORAGE + b"K\x02tQK\x05K\x01\x85K\x01\x85\x89NtR.", "in 2 elements"),
        (TENSOR + STORAGE + b"K\x02tQK\x00J\xff\xff\xff\xff\x85K\x01\x85\x89NtR.", "no sizes"),
        (TENSOR + STORAGE + b"K\x02tQK\x00K\x01\x85)\x89NtR.", "no sizes"),
        (TENSOR + b"NK\x00K\x01\x85K\x01\x85\x89NtR.", "without elements"),
        (STORAGE + b"NtQ.", "not in it"),
        (text("/etc/passwd") + b"Q.", "not in it"),
        (b"P/etc/passwd\n.", "not in it"),
    ],
)  # fmt: skip
def test_an_impossible_tensor_gives_a_sentence(tmp_path: Path, pickled: bytes, words: str) -> None:
    path = write_zip(tmp_path / "weights.pth", b"\x80\x02" + pickled, **{"0": bytes(4)})
    with pytest.raises(FileFormatError, match=words):
        read_torch_file(path)


@pytest.mark.parametrize(
    ("key", "count", "words"),
    [("0", b"K\x01", None), ("0", b"K\x02", "has 4 bytes instead of 8"),
     ("1", b"K\x01", "has no bytes"), ("../data.pkl", b"K\x01", "has no bytes"),
     ("0", b"\x8a\x06" + (2**40).to_bytes(6, "little"), "has 4 bytes instead of")],
)  # fmt: skip
def test_a_storage_must_be_in_the_file_and_of_its_size(
    tmp_path: Path, key: str, count: bytes, words: str | None
) -> None:
    storage = STORAGE.replace(text("0"), text(key))
    data = TENSOR + storage + count + b"tQK\x00K\x01\x85K\x01\x85\x89NtR."
    record = read_torch_file(write_zip(tmp_path / "weights.pth", data, **{"0": bytes(4)}))
    if words is None:
        assert record.read().tolist() == [0.0]
    else:
        with pytest.raises(FileFormatError, match=words):
            record.read()


def test_a_zip_bomb_and_strange_names_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model_latest.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    with pytest.raises(FileFormatError, match="compressed"):
        read_torch_file(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../data.pkl", b"K\x01.")
    with pytest.raises(FileFormatError, match=r"no data\.pkl"):
        read_torch_file(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", b"K\x01.")
        archive.writestr("a/byteorder", b"big")
    with pytest.raises(FileFormatError, match="little-endian"):
        read_torch_file(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model_latest.pth"]


def test_an_announced_size_beyond_the_file_takes_no_memory(tmp_path: Path) -> None:
    """The archive's directory and the pickle agree on a tebibyte."""
    storage = STORAGE + b"\x8a\x06" + (2**38).to_bytes(6, "little")
    data = TENSOR + storage + b"tQK\x00K\x01\x85K\x01\x85\x89NtR."
    path = write_zip(tmp_path / "weights.pth", data, **{"0": bytes(4)})
    with zipfile.ZipFile(path, "a") as archive:
        entry = archive.getinfo("archive/data/0")
        entry.file_size = entry.compress_size = 2**40
        archive.comment = b"written again"
    with pytest.raises(FileFormatError, match="claim more bytes than it has"):
        read_torch_file(path).read()


@pytest.mark.parametrize("keys", [b"]]a.", b"])a."])
def test_keys_of_an_old_file_must_be_names(tmp_path: Path, keys: bytes) -> None:
    torch.save(torch.zeros(2), path := tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    listed = content.index(b"\x80\x02]q\x00")
    path.write_bytes(content[:listed] + b"\x80\x02" + keys + bytes(64))
    with pytest.raises(FileFormatError, match="cut short, or holds other tensors than it lists"):
        read_torch_file(path)
