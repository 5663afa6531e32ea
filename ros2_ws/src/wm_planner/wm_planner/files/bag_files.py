"""The files of a bag, read as far as they go; what they are is taken from their content."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from wm_planner.files.errors import FileFormatError
from wm_planner.files.foreign import what_it_is
from wm_planner.files.mcap_file import MAGIC as MCAP
from wm_planner.files.mcap_file import BagTopic, McapFile, most_unpacked, unpack, zstd
from wm_planner.files.plain_yaml import read_yaml
from wm_planner.files.regular import open_regular
from wm_planner.files.sqlite_bag import MAGIC as SQLITE
from wm_planner.files.sqlite_bag import SqliteBag
from wm_planner.text import listed, one_line

METADATA = "metadata.yaml"
_INFORMATION = "rosbag2_bagfile_information"
_ENDS = (".mcap", ".db3", ".mcap.zstd", ".db3.zstd")
_PACKED = b"\x28\xb5\x2f\xfd"  # a frame of zstd; a serialized message begins with a zero
_ROS_1 = (".bag", ".bag.active")
_GIVE = "give a bag's directory, or a single .mcap or .db3 file"
_MESSAGES_PER_BYTE = 200  # more than the densest packed recording has
_BLOCK = 1 << 20
_UNUSABLE = (
    OSError, yaml.YAMLError, LookupError, TypeError, ArithmeticError, ValueError, AttributeError,
)  # fmt: skip


@dataclass
class BagFiles:
    """The files of a bag.

    Attributes:
        path: The bag, as it was given.
        parts: Its files, in the order of recording.
        problems: Sentences on what cannot be read, without a full stop.
        lost: Messages that are known to have been recorded and cannot be read, by topic.
    """

    path: Path
    parts: list[McapFile | SqliteBag] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)

    @property
    def topics(self) -> dict[str, BagTopic]:
        """The topics by name."""
        return {name: topic for part in self.parts for name, topic in part.topics.items()}

    @property
    def counts(self) -> Counter[str]:
        """Messages that can be read, by topic."""
        return sum((part.counts for part in self.parts), Counter())

    def messages(self, topics: Collection[str]) -> Iterator[tuple[str, int, bytes]]:
        """Yield topic, time of recording [ns] and content of each message that can be read.

        The content is empty if it was packed and cannot be unpacked.
        """
        for part in self.parts:
            for topic, time, data in part.messages(topics):
                if data.startswith(_PACKED):
                    data = _unpacked_message(data)
                yield topic, time, data

    def damage(self) -> str:
        """Return what cannot be read, as sentences; empty if nothing is wrong."""
        sentences = list(self.problems)
        if self.lost:
            counts = self.counts
            lost = [f"{n} of {n + counts[topic]} on {topic}" for topic, n in self.lost.items() if n]
            sentences.append(f"Messages are lost: {listed(lost)}")
        return ". ".join(sentences)


@contextlib.contextmanager
def open_bag(path: Path) -> Iterator[BagFiles]:
    """Open a bag: a directory, with or without ``metadata.yaml``, or one of its files.

    Raises:
        FileFormatError: It holds nothing that can be read.
        OSError: It cannot be read.
    """
    bag = BagFiles(path)
    known = _Known([], Counter(), {})
    if path.is_dir():
        names = [file.name for file in path.iterdir()]
        there = [path / name for name in names if name.endswith(_ENDS)]
        if not there and METADATA not in names:
            older = sorted(name for name in names if name.endswith(_ROS_1))
            if older:
                raise FileFormatError(f"it holds {one_line(older[0])}, {what_it_is(b'#ROSBAG')}")
            raise FileFormatError(f"it has no {METADATA}, no .mcap and no .db3 file: {_GIVE}")
        known = _metadata(bag)
        files = known.files or sorted(there, key=_natural)
        if not files:
            raise FileFormatError(". ".join([*bag.problems, "it has no .mcap and no .db3 file"]))
    elif not path.exists():
        raise FileFormatError(f"there is no such file or directory: {_GIVE}")
    else:
        files = [path]
    with tempfile.TemporaryDirectory(prefix="wm_planner_") as scratch:
        for number, file in enumerate(files):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            _add(bag, file, folder, known.in_file)
        if not bag.parts:
            raise FileFormatError(". ".join(bag.problems))
        bag.lost += sum((part.lost for part in bag.parts), Counter())
        bag.lost |= known.counts - bag.counts  # the larger of both
        if bag.lost and not bag.problems:
            bag.problems.append(f"{path} holds fewer messages than {METADATA} says")
        yield bag


def _add(bag: BagFiles, file: Path, folder: Path, counts: dict[str, int]) -> None:
    """Add a file, or the problem that it cannot be read."""
    try:
        part = _part(bag, file, folder)
    except (FileFormatError, OSError) as error:
        reason = (error.strerror or error) if isinstance(error, OSError) else error
        held = f"; it held {counts[file.name]} messages" if file.name in counts else ""
        bag.problems.append(f"{file} cannot be read: {reason}{held}")
    else:
        bag.parts.append(part)
        bag.problems += [f"{file}: {problem}" for problem in part.problems]


def _part(bag: BagFiles, file: Path, folder: Path) -> McapFile | SqliteBag:
    with open_regular(file) as opened:
        start = opened.read(len(SQLITE))
    if start.startswith(_PACKED):
        file = _unpacked(bag, file, folder)
        folder = folder / "copy"
        folder.mkdir()
        with open_regular(file) as opened:
            start = opened.read(len(SQLITE))
    if start == SQLITE:
        return SqliteBag(file, folder)
    if what := what_it_is(start):
        raise FileFormatError(f"it is {what}, not a recording of ROS 2")
    if start and not start.startswith(MCAP) and not file.name.endswith(_ENDS):
        raise FileFormatError(f"it is neither an MCAP file nor a sqlite3 database: {_GIVE}")
    return McapFile(file)


def _unpacked(bag: BagFiles, file: Path, folder: Path) -> Path:
    """Unpack a file that was packed as a whole; what is cut off is missing."""
    target = folder / file.stem
    most = most_unpacked(file.stat().st_size)
    try:
        with (
            open_regular(file) as source,
            zstd().open(source, "rb") as packed,
            target.open("wb") as copy,
        ):
            while block := packed.read(_BLOCK):
                copy.write(block)
                if copy.tell() > most:
                    raise FileFormatError(f"it unpacks to more than {most} bytes")
    except (EOFError, zstd().ZstdError) as error:
        bag.problems.append(f"{file} is damaged or cut ({one_line(str(error), 80)})")
    return target


def _unpacked_message(data: bytes) -> bytes:
    most = most_unpacked(len(data))
    try:
        content = unpack("zstd", data, most)
    except FileFormatError:
        return b""
    return content if len(content) <= most else b""


@dataclass(frozen=True)
class _Known:
    """What ``metadata.yaml`` says: the files, and the messages of each topic and file."""

    files: list[Path]
    counts: Counter[str]
    in_file: dict[str, int]


def _metadata(bag: BagFiles) -> _Known:
    """Read ``metadata.yaml``; a problem if it is missing or damaged, because all is read anyway."""
    file = bag.path / METADATA
    again = f"`ros2 bag reindex {bag.path}` writes it anew"
    if not file.exists():
        bag.problems.append(f"{file} is missing, so the recorder did not finish; {again}")
        return _Known([], Counter(), {})
    try:
        content = (read_yaml(file) or {})[_INFORMATION]
        files = [bag.path / Path(str(name)).name for name in content["relative_file_paths"]]
        counts = Counter({
            one_line(str(_get(topic, "topic_metadata", "name"))): int(topic["message_count"])
            for topic in content["topics_with_message_count"]
        })  # fmt: skip
        in_file = {
            Path(str(part["path"])).name: int(part["message_count"])
            for part in content.get("files") or []
        }
        size = sum(each.stat().st_size for each in files if each.is_file())
    except _UNUSABLE as error:
        reason = "it is empty, or not what a recorder writes"
        if isinstance(error, KeyError):
            reason = f"it has no {error.args[0]}"
        elif isinstance(error, (OSError, yaml.YAMLError, FileFormatError)):
            reason = one_line(str(error), 120)
        bag.problems.append(f"{file} cannot be used ({reason}); {again}")
        return _Known([], Counter(), {})
    numbers = [*counts.values(), *in_file.values()]
    if size and not all(0 <= number <= _MESSAGES_PER_BYTE * size for number in numbers):
        bag.problems.append(
            f"{file} has counts of messages that cannot be, which were not used; {again}"
        )
        return _Known(files, Counter(), {})
    return _Known(files, counts, in_file)


def _get(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value[key]
    return value


def _natural(path: Path) -> list[tuple[int, str]]:
    """Order bag_10 behind bag_9."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"(\d+)", path.name)]
