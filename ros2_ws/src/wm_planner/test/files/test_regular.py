"""Only regular files of bounded size are opened, and nothing is waited for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError

from wm_planner.control import Refused
from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.statistics_file import read_statistics
from wm_planner.datasets.tensor_files import load_tensor
from wm_planner.diagnosis.weight_layers import layers
from wm_planner.files import regular
from wm_planner.files.digest import file_sha256
from wm_planner.files.errors import FileFormatError
from wm_planner.files.npz import read_npz
from wm_planner.files.plain_yaml import read_yaml
from wm_planner.files.regular import open_regular, read_regular
from wm_planner.files.safetensors_file import open_safetensors
from wm_planner.files.torch_file import read_torch_file
from wm_planner.goal_library import read_image
from wm_planner.images.image_file import read_image_file
from wm_planner.models.loading import WeightsError


def _open_safetensors(path: Path) -> None:
    with open_safetensors(path):
        pass


READERS: list[Callable[[Path], Any]] = [
    lambda path: read_regular(path, 1000),
    _open_safetensors,
    file_sha256,
    layers,
    load_tensor,
    read_image,
    read_image_file,
    read_npz,
    read_statistics,
    read_torch_file,
    read_yaml,
]
REFUSALS = (DatasetError, FileFormatError, OSError, Refused, SafetensorError, WeightsError)


@pytest.fixture
def places(tmp_path: Path) -> list[Path]:
    """Paths that lead to no regular file."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(tmp_path / "socket"))
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    return [*tmp_path.iterdir(), Path("/dev/zero"), Path("a\0b"), Path("/" + "a" * 5000)]


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_what_is_no_file_is_refused_and_not_opened(
    places: list[Path], reader: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*arguments: object) -> int:
        raise AssertionError(f"{arguments} was opened")

    monkeypatch.setattr(regular.os, "open", opened)
    for place in places:
        with pytest.raises(REFUSALS):
            reader(place)


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(
    places: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at a path and its opening, somebody can replace what is there."""
    (tmp_path / "file").write_text("x")
    was = os.stat(tmp_path / "file")
    monkeypatch.setattr(regular.os, "stat", lambda path: was)
    with pytest.raises(OSError, match="it is a named pipe, not a file"):
        open_regular(tmp_path / "pipe")


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_regular(tmp_path / "link", 5) == b"12345"
    with pytest.raises(OSError, match="it has 5 bytes, at most 4 are read"):
        read_regular(tmp_path / "link", 4)


def test_a_file_that_says_it_is_empty_and_is_not_is_refused() -> None:
    with pytest.raises(OSError, match="its size is not what the file system says"):
        read_regular("/proc/self/environ", 1000)
