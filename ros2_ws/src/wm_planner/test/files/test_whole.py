"""Files and directories appear whole, or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wm_planner.files import whole
from wm_planner.files.whole import whole_directory, whole_file, write_whole


def _write_file(path: Path) -> None:
    write_whole(path, "new")


def _write_directory(path: Path) -> None:
    with whole_directory(path) as directory:
        (directory / "file").write_text("new")


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250)  # nearly as long as a name can be
    path.write_text("old")
    write_whole(path, "näw")
    assert path.read_text() == "näw"
    assert list(tmp_path.iterdir()) == [path]


def test_a_long_name_of_any_alphabet_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("目" * 80 + ".png")  # 244 of 255 bytes
    write_whole(path, "new")
    assert path.read_text() == "new"


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_what_cannot_be_written_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(whole.os, step, full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("write", [_write_file, _write_directory])
def test_a_failure_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(whole.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_a_directory_has_its_name_when_it_is_complete(tmp_path: Path) -> None:
    with whole_directory(tmp_path / "new") as directory:
        (directory / "file").write_text("new")
        assert not (tmp_path / "new").exists()
    assert (tmp_path / "new" / "file").read_text() == "new"
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]


def test_a_directory_replaces_no_other_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("old")
    with pytest.raises(OSError, match=r"not empty|exists"):
        _write_directory(tmp_path / "there")
    assert (tmp_path / "there" / "file").read_text() == "old"


def test_a_process_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    program = (
        "import os, signal, sys\n"
        "from wm_planner.files.whole import whole_file\n"
        "with whole_file(sys.argv[1]) as partial:\n"
        "    partial.write_text('ne')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)]).returncode < 0
    assert path.read_text() == "old"


def test_the_target_of_a_link_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_text("old")
    path.chmod(0o600)
    link.symlink_to(path)
    write_whole(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_writer_left_is_removed_a_day_later(tmp_path: Path) -> None:
    old, young = tmp_path / ".file.01234567.partial", tmp_path / ".file.89abcdef.partial"
    folder = tmp_path / ".file.aaaaaaaa.partial"
    for left in (old, young):
        left.write_text("half")
    folder.mkdir()
    (folder / "half").touch()
    for left in (old, folder):
        os.utime(left, (0, 0))
    write_whole(tmp_path / "file", "new")
    assert {path.name for path in tmp_path.iterdir()} == {"file", young.name}


def test_two_writers_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with whole_file(path) as first, whole_file(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first", "the block that ends last wins"
    assert os.listdir(tmp_path) == ["file"]


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """As root, a device would be replaced by a file."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, said in (("pipe", "no ordinary file"), ("folder", "Is a directory")):
        with pytest.raises(OSError, match=said):
            write_whole(tmp_path / name, "text")
    assert (tmp_path / "pipe").is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "pipe"]
