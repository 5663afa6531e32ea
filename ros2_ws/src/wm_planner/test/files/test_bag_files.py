"""Damaged and unfinished bags are read as far as they go, and what is lost is said."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from mcap_writer import Message, Written, write_mcap
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from wm_planner.files.bag_files import METADATA, open_bag
from wm_planner.files.errors import FileFormatError
from wm_planner.files.mcap_file import zstd

TOPICS = [("/a", "std_msgs/msg/Empty"), ("/b", "std_msgs/msg/Empty")]
COUNT = 16
TYPES = get_typestore(Stores.ROS2_JAZZY)


def _read(path: Path) -> tuple[Counter[str], str]:
    """Returns the messages read, by topic, and what was wrong."""
    with open_bag(path) as bag:
        counts = Counter(topic for topic, _, _ in bag.messages(bag.topics))
        assert counts == bag.counts
        return counts, bag.damage()


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Sixteen messages of two topics in each of four chunks."""
    chunks = [
        [Message(i % 2, 1000 * chunk + i, b"\0\1\0\0" + bytes(100)) for i in range(COUNT)]
        for chunk in range(4)
    ]
    return write_mcap(tmp_path / "bag.mcap", TOPICS, chunks)


def _change(path: Path, place: int, data: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[place : place + len(data)] = data
    path.write_bytes(content)


def test_a_sound_file_is_read_whole(written: Written) -> None:
    assert _read(written.path) == ({"/a": 32, "/b": 32}, "")


def test_of_a_chunk_whose_checksum_is_wrong_the_messages_are_counted(written: Written) -> None:
    begin, end = written.chunks[2]
    _change(written.path, end - 5, b"x")
    counts, damage = _read(written.path)
    assert counts == {"/a": 24, "/b": 24}
    assert f"of bytes {begin} to {end}, the checksum of a chunk is wrong" in damage
    assert damage.endswith("Messages are lost: 8 of 32 on /a, 8 of 32 on /b")


def test_behind_a_record_whose_size_is_wrong_the_next_chunk_is_read(written: Written) -> None:
    _change(written.path, written.chunks[1][0] + 1, b"\xff" * 8)
    counts, damage = _read(written.path)
    assert counts == {"/a": 24, "/b": 24}
    assert f"bytes {written.chunks[1][0]} to {written.chunks[2][0]} cannot be read" in damage
    assert "8 of 32 on /a" in damage


def test_bytes_that_changed_outside_the_chunks_are_noticed_by_the_checksum_of_all(
    tmp_path: Path,
) -> None:
    messages = [Message(0, i, b"\0\1\0\0" + bytes(50)) for i in range(COUNT)]
    path = tmp_path / "bag.mcap"
    written = write_mcap(path, TOPICS[:1], [messages], data_checksum=True)
    assert _read(path) == ({"/a": COUNT}, "")
    _change(path, written.chunks[0][1] + 20, b"x")
    counts, damage = _read(path)
    assert counts == {"/a": COUNT}
    assert "the checksum of its data is wrong" in damage


def test_what_is_behind_the_end_of_a_file_is_named(written: Written, tmp_path: Path) -> None:
    content = written.path.read_bytes()
    other = write_mcap(tmp_path / "other.mcap", TOPICS, [[Message(0, 0, b"\0\1\0\0")] * 99])
    for more in (content, other.path.read_bytes(), b"x", bytes(4096)):
        written.path.write_bytes(content + more)
        counts, damage = _read(written.path)
        assert counts == {"/a": 32, "/b": 32}
        assert f"behind its end, at byte {len(content)} of {len(content + more)}" in damage
        assert "lost" not in damage
        assert "not finished" not in damage


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_packed_chunks_are_read_as_far_as_they_go(tmp_path: Path, compression: str) -> None:
    rng = np.random.default_rng(0)
    chunk = [Message(0, i, b"\0\1\0\0" + rng.bytes(100_000)) for i in range(COUNT)]
    path = write_mcap(tmp_path / "bag.mcap", TOPICS, [chunk], compression).path
    assert _read(path) == ({"/a": COUNT}, "")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    counts, damage = _read(path)
    assert 5 <= counts["/a"] <= 8
    assert "it was not finished" in damage
    _change(path, 200_000, b"\xff" * 1000)
    assert "it was not finished" in _read(path)[1]


def test_a_chunk_that_claims_more_than_its_file_explains_takes_no_memory(tmp_path: Path) -> None:
    chunk = [Message(0, 0, bytes(100_000_000))]
    written = write_mcap(tmp_path / "bag.mcap", TOPICS, [chunk], "zstd")
    assert written.path.stat().st_size < 100_000
    tracemalloc.start()
    counts, damage = _read(written.path)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert counts == {}
    assert "claims to unpack to 100000" in damage


def test_a_record_that_swallows_others_is_noticed_by_the_counts(tmp_path: Path) -> None:
    messages = [Message(0, i, b"\0\1\0\0" + bytes(11)) for i in range(COUNT)]
    written = write_mcap(tmp_path / "bag.mcap", TOPICS[:1], [messages])
    begin, end = written.chunks[0]
    content = bytearray(written.path.read_bytes())
    content[begin + 9 + 24 : begin + 9 + 28] = bytes(4)  # a recorder that writes no checksums
    size = 22 + 15
    first = end - COUNT * (9 + size)
    content[first + 1 : first + 9] = (COUNT * (9 + size) - 9).to_bytes(8, "little")
    written.path.write_bytes(content)
    counts, damage = _read(written.path)
    assert counts == {"/a": 1}
    assert damage.endswith("Messages are lost: 15 of 16 on /a")


@pytest.mark.parametrize("part", [0.3, 0.6, 0.99])
def test_a_file_that_was_not_finished_is_read_as_far_as_it_goes(
    written: Written, part: float
) -> None:
    content = written.path.read_bytes()
    written.path.write_bytes(content[: int(part * written.chunks[-1][1])])
    counts, damage = _read(written.path)
    assert 64 * part - 4 <= counts.total() < 64
    assert "it was not finished" in damage
    assert f"{counts.total()} messages; `mcap recover {written.path}`" in damage


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"\x89MCAP0\r\r", "does not begin as an MCAP file does"),
        (b"#ROSBAG V2.0\n", r"a bag of ROS 1 \(convert it with `rosbags-convert"),
        (b"version https://git-lfs.github.com/spec/v1\n", "it is a Git LFS pointer"),
        (b"\n<!DOCTYPE html>", "it is a web page, not a recording"),
        (b"PK\x03\x04" + bytes(99), "it is a zip archive, not a recording"),
    ],
)
def test_files_without_any_message_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "bag.mcap").write_bytes(content)
    with pytest.raises(FileFormatError, match=words):
        _read(tmp_path / "bag.mcap")
    (tmp_path / METADATA).write_text("")
    with pytest.raises(FileFormatError, match=words):
        _read(tmp_path)


def test_only_where_nothing_looks_like_a_bag_it_is_said_what_to_give(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("some notes")
    for name in ("none", "folder", "notes.txt"):
        with pytest.raises(FileFormatError, match=r"give a bag's directory, or a single .mcap"):
            _read(tmp_path / name)
    (tmp_path / "folder" / "x.bag").write_bytes(b"#ROSBAG V2.0\n")
    with pytest.raises(FileFormatError, match=r"it holds x.bag, a bag of ROS 1 .convert") as error:
        _read(tmp_path / "folder")
    assert "give" not in str(error.value)
    (tmp_path / "bag.mcap").write_bytes(b"\x89MCAP0\r\r")
    with pytest.raises(FileFormatError, match="does not begin") as error:
        _read(tmp_path / "bag.mcap")
    assert "give" not in str(error.value)


@pytest.mark.parametrize("count", ["1" + 30 * "0", ".inf", "-5"])
def test_counts_that_the_files_cannot_hold_are_not_used(tmp_path: Path, count: str) -> None:
    path = _recorded(tmp_path / "bag", StoragePlugin.MCAP)
    text = (path / METADATA).read_text()
    changed = text.replace(f"message_count: {COUNT}", f"message_count: {count}")
    changed = changed.replace(f'"message_count": {COUNT}', f'"message_count": {count}')
    assert changed != text
    (path / METADATA).write_text(changed)
    counts, damage = _read(path)
    assert counts == {"/a": COUNT}
    assert "lost" not in damage
    assert f"`ros2 bag reindex {path}`" in damage


def test_metadata_that_is_empty_or_of_something_else_is_a_sentence(tmp_path: Path) -> None:
    path = _recorded(tmp_path / "bag", StoragePlugin.MCAP)
    for content, words in (
        ("", "it has no rosbag2_bagfile_information"),
        ("version https://git-lfs.github.com/spec/v1", "not what a recorder writes"),
        ("rosbag2_bagfile_information:", "not what a recorder writes"),
    ):
        (path / METADATA).write_text(content)
        assert words in _read(path)[1]


def _recorded(
    path: Path, plugin: StoragePlugin, mode: CompressionMode | None = None, count: int = COUNT
) -> Path:
    """Writes a bag of some messages."""
    writer = Writer(path, version=9, storage_plugin=plugin)
    if mode:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        kind = "std_msgs/msg/String"
        connection = writer.add_connection("/a", kind, typestore=TYPES)
        for time in range(count):
            raw = TYPES.serialize_cdr(TYPES.types[kind]("x" * 1000), kind)
            writer.write(connection, time, raw)
    return path


@pytest.mark.parametrize("plugin", list(StoragePlugin))
@pytest.mark.parametrize("mode", [None, CompressionMode.FILE, CompressionMode.MESSAGE])
def test_bags_are_read_however_they_are_packed(
    tmp_path: Path, plugin: StoragePlugin, mode: CompressionMode | None
) -> None:
    path = _recorded(tmp_path / "bag", plugin, mode)
    assert _read(path) == ({"/a": COUNT}, "")
    with open_bag(path) as bag:
        assert all(len(data) > 1000 for _, _, data in bag.messages(["/a"]))


@pytest.mark.parametrize("plugin", list(StoragePlugin))
def test_without_metadata_the_files_are_read_and_the_command_that_mends_it_is_named(
    tmp_path: Path, plugin: StoragePlugin
) -> None:
    path = _recorded(tmp_path / "bag", plugin)
    for content in (None, "", "rosbag2_bagfile_information: {version: 9}"):
        (path / METADATA).unlink(missing_ok=True)
        if content is not None:
            (path / METADATA).write_text(content)
        counts, damage = _read(path)
        assert counts == {"/a": COUNT}
        assert f"`ros2 bag reindex {path}`" in damage


@pytest.mark.parametrize("damage", ["missing", "unfinished"])
def test_a_part_of_a_split_bag_that_is_missing_or_unfinished_is_named(
    tmp_path: Path, damage: str
) -> None:
    path = _recorded(tmp_path / "bag", StoragePlugin.MCAP)
    other = path / "bag_1.mcap"
    shutil.copyfile(path / "bag.mcap", other)
    content = yaml.safe_load((path / METADATA).read_text())
    inside = content["rosbag2_bagfile_information"]
    inside["relative_file_paths"] = ["bag.mcap", "bag_1.mcap"]
    inside["files"] = [{**inside["files"][0], "path": name} for name in ("bag.mcap", "bag_1.mcap")]
    inside["topics_with_message_count"][0]["message_count"] = 2 * COUNT
    (path / METADATA).write_text(json.dumps(content))  # which is YAML, too
    assert _read(path) == ({"/a": 2 * COUNT}, "")
    if damage == "missing":
        other.unlink()
    else:
        other.write_bytes(b"")
    counts, said = _read(path)
    assert counts == {"/a": COUNT}
    assert f"{other} cannot be read" in said
    assert f"it held {COUNT} messages" in said
    assert f"{COUNT} of {2 * COUNT} on /a" in said


def test_what_sqlite_had_not_written_into_the_file_yet_is_read_too(tmp_path: Path) -> None:
    path = _recorded(tmp_path / "bag", StoragePlugin.SQLITE3)
    (file,) = path.glob("*.db3")
    database = sqlite3.connect(file)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (1, 99, x'0001')")
    database.commit()
    copy = tmp_path / "copy"  # as the files are when the recorder is killed
    shutil.copytree(path, copy)
    database.close()
    before = {file.name: file.read_bytes() for file in copy.iterdir()}
    counts, damage = _read(copy)
    assert counts == {"/a": COUNT + 1}
    assert "bag.db3-wal beside it holds what the recorder had not written" in damage
    assert {file.name: file.read_bytes() for file in copy.iterdir()} == before


def test_of_a_damaged_database_the_readable_messages_are_read(tmp_path: Path) -> None:
    count = 200
    path = _recorded(tmp_path / "bag", StoragePlugin.SQLITE3, count=count)
    (file,) = path.glob("*.db3")
    content = file.read_bytes()
    page = len(content) // 4096 // 2 * 4096
    file.write_bytes(content[:page] + b"\xff" * 4096 + content[page + 4096 :])
    counts, damage = _read(path)
    assert count - 10 < counts["/a"] < count
    assert "it is damaged" in damage
    assert f"{count - counts['/a']} of {count} on /a" in damage


@pytest.mark.parametrize("plugin", list(StoragePlugin))
@pytest.mark.parametrize("change", ["damaged", "growing"])
def test_a_packed_message_that_cannot_be_unpacked_has_no_content(
    tmp_path: Path, plugin: StoragePlugin, change: str
) -> None:
    packed = zstd().compress(bytes(100_000_000 if change == "growing" else 1000))
    packed = packed if change == "growing" else packed[:10]
    path = tmp_path / "bag"
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        connection = writer.add_connection("/a", "std_msgs/msg/String", typestore=TYPES)
        writer.write(connection, 0, packed)
        writer.write(connection, 1, zstd().compress(b"\0\1\0\0"))
    with open_bag(path) as bag:
        assert [data for _, _, data in bag.messages(["/a"])] == [b"", b"\0\1\0\0"]


def test_a_packed_file_that_grows_more_than_its_size_explains_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bag.mcap.zstd"
    file.write_bytes(zstd().compress(bytes(100_000_000)))
    with pytest.raises(FileFormatError, match="it unpacks to more than 67108864 bytes"):
        _read(file)


def test_a_name_that_is_no_text_is_empty(tmp_path: Path) -> None:
    file = tmp_path / "bag.db3"
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE topics (id, name, type, serialization_format)")
        database.execute("CREATE TABLE messages (id, topic_id, timestamp, data)")
        database.execute("INSERT INTO topics VALUES (1, x'ff00', 5, NULL)")
        database.commit()
    with open_bag(file) as bag:
        assert list(bag.topics) == [""]
