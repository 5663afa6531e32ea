"""Sizes that an .npz claims are compared with the file before memory is taken."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from wm_planner.files.errors import FileFormatError
from wm_planner.files.npz import read_npz


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_saved_is_read(tmp_path: Path, save: object) -> None:
    arrays = {
        "a": np.arange(6.0).reshape(2, 3, order="F"),
        "b": np.array("text"),
        "c": np.zeros((0, 3), np.uint8),
        "d": np.zeros(100_000),
    }
    save(tmp_path / "some.npz", **arrays)  # type: ignore[operator]
    found = read_npz(tmp_path / "some.npz")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def _npy(shape: tuple[int, ...], data: bytes, dtype: str = "<f8") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": dtype, "fortran_order": False, "shape": shape}
    )
    return file.getvalue() + data


def _write(path: Path, content: bytes, method: int = zipfile.ZIP_STORED, claimed: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.npy", content)
        if claimed:
            entry = archive.getinfo("a.npy")
            entry.file_size = claimed
            if method == zipfile.ZIP_STORED:
                entry.compress_size = claimed
    return path


@pytest.mark.parametrize(
    ("content", "method", "claimed", "words"),
    [
        (_npy((2**40,), bytes(8)), zipfile.ZIP_STORED, 0, "shorter than it says"),
        (_npy((3 * 10**8,), b"", "|S0"), zipfile.ZIP_STORED, 0, "shorter than it says"),
        (_npy((2**40, 2**40), b""), zipfile.ZIP_DEFLATED, 0, "shorter than it says"),
        (_npy((1,), bytes(8)), zipfile.ZIP_STORED, 2**40, "claim more bytes"),
        (_npy((1,), bytes(8)), zipfile.ZIP_DEFLATED, 2**40, "claim more bytes"),
        (_npy((1,), bytes(8)), zipfile.ZIP_LZMA, 0, "packed in a way that NumPy does not use"),
        (_npy((1,), bytes(8), "|O"), zipfile.ZIP_STORED, 0, "something else than arrays"),
        (_npy((2_000_000,), bytes(16_000_000)), zipfile.ZIP_DEFLATED, 0, "at most 1000 are read"),
        (
            b"\x93NUMPY\x01\x00\x10\x00{'shape': " + b"(" * 7,
            zipfile.ZIP_STORED,
            0,
            "something else",
        ),
        (b"text", zipfile.ZIP_STORED, 0, "something else than arrays"),
        (b"\x93NUMPY\x07\x00", zipfile.ZIP_STORED, 0, "something else than arrays"),
    ],
)
def test_what_is_claimed_takes_no_memory(
    tmp_path: Path, content: bytes, method: int, claimed: int, words: str
) -> None:
    path = _write(tmp_path / "some.npz", content, method, claimed)
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match=words):
            read_npz(path, 1000)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
