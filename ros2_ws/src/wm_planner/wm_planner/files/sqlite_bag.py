"""Read a bag in a sqlite3 database as far as it goes, and say what of it cannot be read.

A database can hold programs: views, generated columns, triggers, virtual tables. None runs here.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from wm_planner.files.errors import FileFormatError
from wm_planner.files.mcap_file import MAX_NAME, BagTopic
from wm_planner.files.regular import check_regular, open_regular
from wm_planner.text import one_line

MAGIC = b"SQLite format 3\0"
_JOURNALS = ("-wal", "-journal")
_MOST_SKIPS = 200
_LAST = 1 << 62
_TABLES = ("messages", "topics")
_STEPS, _STEPS_PER_BYTE = 1_000_000, 20  # of sqlite's program; a row takes ten of each
_AT_ONCE = 10_000  # steps


def _name(value: object) -> str:
    """Return a text of a database, in which a column may hold anything."""
    return one_line(value, MAX_NAME) if isinstance(value, str) else ""


class SqliteBag:
    """A sqlite3 bag that was read once, to know what can be read.

    A journal beside it holds what the recorder had not written into it yet. Then a copy is read,
    because sqlite would change the file.

    Args:
        path: The file.
        folder: An empty folder for a copy.

    Attributes:
        topics, counts, lost, problems: As those of ``McapFile``.

    Raises:
        FileFormatError: It is no database with a bag.
        OSError: It cannot be read or copied.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        check_regular(path)
        self.problems: list[str] = []
        journals = [path.with_name(path.name + end) for end in _JOURNALS]
        journals = [file for file in journals if file.is_file() and file.stat().st_size]
        if journals:
            for file in (path, *journals):
                check_regular(file)
            _check_space(folder, [path, *journals])
            for file in (path, *journals):
                shutil.copyfile(file, folder / file.name)
            self.problems.append(
                f"it was not finished: {journals[0].name} beside it holds what the recorder had "
                "not written into it yet; that was read too, as far as it is complete"
            )
        # Nothing else is looked for, locked or changed then.
        mode = "rw" if journals else "ro&immutable=1"
        self._name = f"file:{quote(str(folder / path.name if journals else path))}?mode={mode}"
        self._size = sum(file.stat().st_size for file in (path, *journals))
        whole = 0 if journals else _whole_size(path)
        self._cut = whole > self._size
        if self._cut:
            self.problems.append(
                f"it is cut: {self._size} of its {whole} bytes are there, as when a copy ended or "
                "the disk was full; it was read as far as it goes"
            )
        try:
            with self._open() as database:
                for table in _TABLES:
                    columns = database.execute(f"PRAGMA table_xinfo({table})").fetchall()
                    if any(column[-1] for column in columns):
                        raise FileFormatError(f"its table {table} has columns that are computed")
                rows = database.execute("SELECT id, name, type, serialization_format FROM topics")
                self._topics = {
                    number: BagTopic(*(_name(text) for text in texts)) for number, *texts in rows
                }
        except FileFormatError:
            raise
        except (sqlite3.Error, TypeError, ValueError) as error:  # a message may be no text
            reason = one_line(str(error), 100)
            raise FileFormatError(f"it is no database with a bag, or damaged ({reason})") from error
        self.topics = {topic.name: topic for topic in self._topics.values()}
        self._skipped = ""
        self.counts = Counter(topic for topic, _, _ in self.messages(self.topics))
        self.lost: Counter[str] = Counter()
        if self._skipped:
            self.problems.append(f"it is damaged ({self._skipped}){self._of_how_many()}")

    def messages(self, topics: Collection[str]) -> Iterator[tuple[str, int, bytes]]:
        """Yield topic, time of recording [ns] and content of each message that can be read."""
        wanted = {i: topic.name for i, topic in self._topics.items() if topic.name in topics}
        last, step = 0, 0
        marks = ",".join("?" * len(wanted))
        # Around damage, what can be read depends on what is asked for: then always all.
        some = "" if self.problems else f"AND topic_id IN ({marks})"
        query = (
            f"SELECT id, topic_id, timestamp, data FROM messages WHERE id > ? {some} ORDER BY id"
        )
        steps = itertools.count()
        for _ in range(_MOST_SKIPS):
            try:
                with self._open(steps) as database:
                    rows = database.execute(query, (last, *(wanted if some else ())))
                    for number, topic, time, data in rows:
                        last, step = number, 0
                        sound = isinstance(time, int) and isinstance(data, bytes)
                        if sound and topic in wanted:
                            yield wanted[topic], time, data
                return
            except FileFormatError:
                raise
            except (sqlite3.Error, ValueError) as error:  # go on behind the damaged page
                self._skipped = one_line(str(error), 100)
                step = max(1, 2 * step)
                last += step
                if last > _LAST:
                    return

    def _of_how_many(self) -> str:
        with contextlib.suppress(sqlite3.Error), self._open() as database:
            (count,) = database.execute("SELECT count(*) FROM messages").fetchone()
            return f": {sum(self.counts.values())} of {count} messages can be read"
        return ""

    @contextlib.contextmanager
    def _open(self, steps: Iterator[int] | None = None) -> Iterator[sqlite3.Connection]:
        """Open the database for reading its two tables, and nothing else.

        Args:
            steps: Counts the steps of several readings together, in units of ``_AT_ONCE``.

        Raises:
            FileFormatError: Reading runs something of the file's own, or takes more steps than
                the size of the file explains.
        """
        database = sqlite3.connect(self._name, uri=True)
        steps = itertools.count() if steps is None else steps
        most = (_STEPS + _STEPS_PER_BYTE * self._size) // _AT_ONCE
        refused = ""

        def beyond() -> bool:
            nonlocal refused
            if next(steps) > most:
                refused = "reading it takes more steps than its size explains"
            return bool(refused)

        def allowed(*action: Any) -> int:
            nonlocal refused
            if _allowed(*action):
                return sqlite3.SQLITE_OK
            refused = (
                "its messages or topics are no plain table, as recorders make them, but a view or "
                "another program, which is not run"
            )
            return sqlite3.SQLITE_DENY

        try:
            database.text_factory = lambda data: data.decode(errors="replace")
            if hasattr(database, "setlimit"):  # from Python 3.11 on
                database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, max(1 << 20, self._size))
            database.execute("PRAGMA trusted_schema=OFF")
            if self._cut:  # else sqlite opens no file that is shorter than its header says
                database.execute("PRAGMA writable_schema=ON")
            database.set_authorizer(allowed)
            database.set_progress_handler(beyond, _AT_ONCE)
            yield database
        except sqlite3.Error as error:
            if not refused:
                raise
            raise FileFormatError(refused) from error
        finally:
            database.close()


def _allowed(
    action: int, what: str | None, more: str | None, _: str | None, program: str | None
) -> bool:
    """Return whether sqlite may do something: read the two tables, by no view or trigger."""
    known = {
        sqlite3.SQLITE_SELECT: True,
        sqlite3.SQLITE_READ: (what or "").lower() in _TABLES,
        sqlite3.SQLITE_FUNCTION: more == "count",
        sqlite3.SQLITE_PRAGMA: what == "table_xinfo",
    }
    return program is None and known.get(action, False)


def _whole_size(path: Path) -> int:
    """Return how many bytes the header says that a database has; 0 if it does not say it."""
    with open_regular(path) as file:
        header = file.read(100)
    if len(header) < 100 or header[24:28] != header[92:96]:
        return 0
    page = int.from_bytes(header[16:18], "big")
    return (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")


def _check_space(folder: Path, files: list[Path]) -> None:
    """Raise FileFormatError if the files cannot be copied into a folder."""
    needed, free = sum(file.stat().st_size for file in files), shutil.disk_usage(folder).free
    if needed > free:
        raise FileFormatError(
            f"it was not finished: a copy of it and of {files[1].name} would have to be read, but "
            f"{folder.parent.parent} has {free / 1e6:.0f} MB left and the copy takes "
            f"{needed / 1e6:.0f} MB: free some, or name another folder with the variable TMPDIR"
        )
