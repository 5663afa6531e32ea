"""Stored goals: found by name, saved whole or not at all, never replaced by accident."""

from __future__ import annotations

import errno
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from wm_planner.control import ErrorCode, Refused
from wm_planner.goal_library import MARK, GoalLibrary, read_image
from wm_planner.images import png
from wm_planner.text import MAX_SENTENCE

IMAGE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
PROPRIO = {"x": 0.25, "y": -1.5}


@pytest.fixture
def library(tmp_path: Path) -> GoalLibrary:
    return GoalLibrary(str(tmp_path / "goals"))


def test_a_saved_goal_is_loaded_bit_for_bit(library: GoalLibrary) -> None:
    path = library.save("home", IMAGE, PROPRIO, overwrite=False)
    assert path == library.directory / "home.png"
    image, proprio = library.load("home")
    np.testing.assert_array_equal(image, IMAGE)
    assert proprio == PROPRIO
    assert library.names() == ["home"]


def test_an_existing_name_is_refused_without_overwrite(library: GoalLibrary) -> None:
    library.save("home", IMAGE, PROPRIO, overwrite=False)
    with pytest.raises(Refused, match="set overwrite to replace it") as caught:
        library.save("home", 255 - IMAGE, {}, overwrite=False)
    assert caught.value.status.code is ErrorCode.INVALID_GOAL
    np.testing.assert_array_equal(library.load("home")[0], IMAGE)
    library.save("home", 255 - IMAGE, {}, overwrite=True)
    image, proprio = library.load("home")
    np.testing.assert_array_equal(image, 255 - IMAGE)
    assert proprio == {}, "the old proprio belongs to the old image"


@pytest.mark.parametrize("name", ["home.jpg", "home.png"])
def test_a_file_that_was_not_stored_here_is_never_replaced(library: GoalLibrary, name: str) -> None:
    cv2.imwrite(str(library.directory / name), IMAGE)
    (library.directory / "home.json").write_text("of another program")
    before = {path: path.read_bytes() for path in library.directory.iterdir()}
    with pytest.raises(Refused, match=rf"{name} was not stored by save_goal"):
        library.save("home", 255 - IMAGE, PROPRIO, overwrite=True)
    assert {path: path.read_bytes() for path in library.directory.iterdir()} == before


def test_files_beside_a_goal_are_left_alone(library: GoalLibrary) -> None:
    (library.directory / "home.json").write_text("of another program")
    for proprio in (PROPRIO, {}):
        library.save("home", IMAGE, proprio, overwrite=True)
        assert library.load("home")[1] == proprio
    assert (library.directory / "home.json").read_text() == "of another program"


@pytest.mark.parametrize("path", ["/dev/zero", "/", "/proc/self/environ", "pipe", "secret.png"])
def test_a_file_that_is_no_image_tells_nothing_of_its_content(tmp_path: Path, path: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "secret.png").write_bytes(b"hunter2: the secret of somebody else")
    with pytest.raises(Refused) as caught:
        read_image(tmp_path / path)  # an absolute path stays what it is
    for told in ("hunter", "68 75 6e", "36", "PATH="):
        assert told not in str(caught.value)


@pytest.mark.parametrize("name", ["", "../home", "a/b", ".hidden", "two words", "home.png"])
def test_a_name_that_could_be_a_path_is_refused(library: GoalLibrary, name: str) -> None:
    with pytest.raises(Refused, match="is not a name"):
        library.save(name, IMAGE, {}, overwrite=False)


def test_a_directory_that_cannot_be_written_to_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    for path in (tmp_path / "file", tmp_path / "file" / "goals", "/proc/goals"):
        with pytest.raises(
            Refused, match=r"goals\.directory '/.*' (cannot be used|is no directory)"
        ):
            GoalLibrary(str(path))
    library = GoalLibrary(str(tmp_path / "goals"))
    (tmp_path / "goals").rmdir()
    for use in (library.names, lambda: library.save("home", IMAGE, {}, overwrite=False)):
        with pytest.raises(Refused, match="is gone: make or mount it again"):
            use()


def test_without_a_directory_there_are_no_goals() -> None:
    for ask in (GoalLibrary("").names, lambda: GoalLibrary("").load("home")):
        with pytest.raises(Refused, match=r"set the parameter goals\.directory"):
            ask()


@pytest.mark.parametrize(
    "text",
    [
        *("no json", "[1.0]", '{"x": "a"}', '{"x": [1]}'),
        pytest.param('{"x": 1' + "0" * 400 + "}", id="a number beyond all floats"),
        pytest.param('{"x": ' + "9" * 5000 + "}", id="too many digits"),
        pytest.param("[" * 100_000, id="nested too deeply"),
    ],
)
def test_damaged_proprio_is_refused(library: GoalLibrary, text: str) -> None:
    image = cv2.imencode(".png", IMAGE)[1].tobytes()
    (library.directory / "home.png").write_bytes(png.add_text(image, MARK, text))
    with pytest.raises(Refused, match=r"home\.png has no valid proprio"):
        library.load("home")


def test_a_full_disk_leaves_the_stored_goal_as_it_was(
    library: GoalLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.save("home", IMAGE, PROPRIO, overwrite=False)
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        write(path, data[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Refused, match=r"cannot be stored: No space left"):
        library.save("home", 255 - IMAGE, {}, overwrite=True)
    np.testing.assert_array_equal(library.load("home")[0], IMAGE)
    assert library.load("home")[1] == PROPRIO
    assert sorted(p.name for p in library.directory.iterdir()) == ["home.png"]


IMPOSSIBLE_PATHS = ["/" + "a" * 5000, "~nosuchuser/x", "/tmp/\0x"]


@pytest.mark.parametrize(
    "path", IMPOSSIBLE_PATHS, ids=["too long", "of an unknown user", "with a null"]
)
def test_an_impossible_path_is_refused(path: str) -> None:
    with pytest.raises(Refused, match=r"cannot be read|there is no file"):
        read_image(path)
    for ask in (
        lambda: GoalLibrary(path).load("home"),
        lambda: GoalLibrary(path).save("home", IMAGE, {}, overwrite=True),
    ):
        with pytest.raises(Refused) as caught:
            ask()
        assert len(str(caught.value)) <= MAX_SENTENCE


def test_a_name_that_is_not_utf_8_is_not_listed(library: GoalLibrary) -> None:
    library.save("home", IMAGE, {}, overwrite=False)
    (library.directory / "caf\udce9.png").write_bytes(b"a name that is not UTF-8")
    assert library.names() == ["home"]


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def test_an_image_of_billions_of_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)
    (tmp_path / "huge.png").write_bytes(data)
    (tmp_path / "large.png").write_bytes(cv2.imencode(".png", np.zeros((8000, 8000), np.uint8))[1])
    for name, words in (("huge.png", "it is damaged"), ("large.png", "it has too many pixels")):
        with pytest.raises(Refused, match=words) as caught:
            read_image(tmp_path / name)
        assert caught.value.status.code is ErrorCode.IMAGE_FORMAT


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no file") as caught:
        read_image(tmp_path / "away.png")
    assert caught.value.status.code is ErrorCode.INVALID_GOAL
