"""A database may hold programs and pages that lead in circles: none is run or followed."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from wm_planner.files.bag_files import open_bag
from wm_planner.files.errors import FileFormatError

COUNT = 16
TYPES = get_typestore(Stores.ROS2_JAZZY)


def _read(path: Path) -> tuple[Counter[str], str]:
    """Returns the messages read, by topic, and what was wrong."""
    with open_bag(path) as bag:
        return bag.counts, bag.damage()


def _recorded(folder: Path, count: int = COUNT) -> Path:
    """Writes a bag of some messages, and returns its file."""
    kind = "std_msgs/msg/String"
    with Writer(folder / "bag", version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection("/a", kind, typestore=TYPES)
        for time in range(count):
            raw = TYPES.serialize_cdr(TYPES.types[kind]("x" * 1000), kind)
            writer.write(connection, time, raw)
    (file,) = (folder / "bag").glob("*.db3")
    return file


ENDLESS = "with recursive c(x) as (select 1 union all select x + 1 from c) select"
HOSTILE = {
    "view": ["drop table messages", f"create view messages as {ENDLESS} x as id, 1 as topic_id, "
             "x as timestamp, x'00' as data from c where x < 0"],
    "view of a table": ["alter table messages rename to other",
                        "create view messages as select * from other"],
    "topics": ["drop table topics", f"create view topics as {ENDLESS} x as id, '' as name, "
               "'' as type, '' as serialization_format from c where x < 0"],
    "function": ["drop table messages", "create view messages as select 1 as id, 1 as topic_id, "
                 "1 as timestamp, zeroblob(900000000) as data"],
    "virtual": ["drop table messages",
                "create virtual table messages using rtree(id, topic_id, timestamp, data, x)"],
    "computed": ["drop table messages", "create table messages (id integer primary key, topic_id "
                 "integer, timestamp integer, data blob as (zeroblob(900000000)))",
                 "insert into messages values (1, 1, 1)"],
}  # fmt: skip


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_a_program_in_a_database_does_not_run(tmp_path: Path, changes: list[str]) -> None:
    file = _recorded(tmp_path)
    _execute(file, changes)
    tracemalloc.start()
    with pytest.raises(FileFormatError, match=r"no plain table.*not run|columns that are computed"):
        _read(file)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_view_or_trigger_that_reading_does_not_need_is_ignored(tmp_path: Path) -> None:
    file = _recorded(tmp_path)
    trigger = "create trigger t after insert on messages begin delete from topics; end"
    _execute(file, ["create view mine as select count(*) from messages", trigger])
    assert _read(file) == ({"/a": COUNT}, "")


@pytest.mark.parametrize("part", [0.25, 0.5, 0.9])
def test_a_database_that_is_cut_is_read_as_far_as_it_goes(tmp_path: Path, part: float) -> None:
    count = 200
    file = _recorded(tmp_path, count)
    content = file.read_bytes()
    file.write_bytes(content[: int(part * len(content))])
    counts, damage = _read(file.parent)
    assert 0.5 * part * count < counts["/a"] < count
    assert f"it is cut: {file.stat().st_size} of its {len(content)} bytes are there" in damage
    assert f"{count - counts['/a']} of {count} on /a" in damage


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_a_program_in_a_database_that_is_cut_does_not_run(
    tmp_path: Path, changes: list[str]
) -> None:
    file = _recorded(tmp_path)
    _execute(file, changes)
    content = bytearray(file.read_bytes())
    content[28:32] = (1000).to_bytes(4, "big")
    file.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"no plain table.*not run|columns that are computed"):
        _read(file)


def _execute(file: Path, changes: list[str]) -> None:
    database = sqlite3.connect(file)
    for change in changes:
        database.execute(change)
    database.commit()
    database.close()


def test_pages_that_are_children_of_many_are_not_followed_without_end(tmp_path: Path) -> None:
    file = _recorded(tmp_path, count=200)
    database = sqlite3.connect(file)
    (root,) = database.execute(
        "select rootpage from sqlite_master where name = 'messages'"
    ).fetchone()
    database.close()
    content = bytearray(file.read_bytes())
    pages = len(content) // 4096
    page = content[(root - 1) * 4096 : root * 4096]
    assert page[0] == 5  # it has children
    for level in range(6):  # each page has the next one as its child, many times
        changed = bytearray(page)
        child = (pages + level + 1).to_bytes(4, "big") if level < 5 else page[8:12]
        for place in (8, *struct.unpack_from(f">{page[4] + 256 * page[3]}H", page, 12)):
            changed[place : place + 4] = child
        begin = (root - 1 if not level else pages + level - 1) * 4096
        content[begin : begin + 4096] = changed
    content[28:32] = (len(content) // 4096).to_bytes(4, "big")
    file.write_bytes(content)
    with pytest.raises(FileFormatError, match="takes more steps than its size explains"):
        _read(file)


def test_a_copy_that_the_disk_has_no_space_for_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _recorded(tmp_path)
    file.with_name(file.name + "-wal").write_bytes(b"x")
    free = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: free)
    with pytest.raises(FileFormatError, match=r"bag.db3-wal would have .* 0 MB left .* TMPDIR"):
        _read(file)
