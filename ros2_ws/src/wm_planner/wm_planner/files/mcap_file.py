"""Read an MCAP file from its beginning, as far as it goes, and say what of it cannot be read.

A recorder that was killed leaves no index and no end, a bad disk chunks whose checksum is wrong. So
the index only helps here: to count what is lost, and to go on behind a damaged part.
"""

from __future__ import annotations

import contextlib
import struct
import sys
from binascii import crc32
from collections import Counter
from collections.abc import Collection, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from wm_planner.files.errors import FileFormatError
from wm_planner.files.regular import open_regular
from wm_planner.text import one_line

MAGIC = b"\x89MCAP0\r\n"
MAX_CHUNK = 1 << 30
"""Largest chunk, unpacked [bytes]; recorders make them of a few MB and of at least one message."""
MAX_NAME = 512
_SMALL = 1 << 26
_RATIO = 200  # what unpacks to more than _SMALL must not grow more than this many times
_MOST_PROBLEMS = 5

_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _MESSAGE_INDEX, _CHUNK_INDEX = range(1, 9)
_STATISTICS, _DATA_END, _PRIVATE = 0x0B, 0x0F, 0x80
_FOOTER_BYTES = 9 + 20 + len(MAGIC)


class BagTopic(NamedTuple):
    """A topic of a bag: its name, the type of its messages, and how they are serialized."""

    name: str
    kind: str
    encoding: str


class _Stretch(NamedTuple):
    """A part of the file that can be read: one chunk, or records one after another."""

    begin: int
    end: int
    chunk: bool = False


class McapFile:
    """An MCAP file that was read once, to know what can be read.

    Args:
        path: The file.

    Attributes:
        topics: The topics by name.
        counts: Messages that can be read, by topic.
        lost: Messages that are known to be there and cannot be read, by topic; perhaps too few.
        problems: What is wrong with the file, one part of a sentence each.

    Raises:
        FileFormatError: It is empty, or no MCAP file.
        OSError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.topics: dict[str, BagTopic] = {}
        self.problems: list[str] = []
        self._kinds: dict[int, str] = {}
        self._channels: dict[int, BagTopic] = {}
        self._read: Counter[int] = Counter()  # by channel, as the next two
        self._indexed: Counter[int] = Counter()  # behind the chunks
        self._expected: Counter[int] = Counter()  # in the index of all
        self._chunks: list[int] = []  # where the index says that they begin
        self._stretches: list[_Stretch] = []
        with open_regular(path) as file:
            self._size = file.seek(0, 2)
            self._ended = False
            file.seek(0)
            if not self._size:
                raise FileFormatError("it is empty: the recorder ended before it wrote anything")
            if file.read(len(MAGIC)) != MAGIC:
                raise FileFormatError("it does not begin as an MCAP file does")
            self._read_index(file)
            self._scan(file)
        self.topics = {topic.name: topic for topic in self._channels.values()}
        written = self._read | self._indexed | self._expected  # the largest of these
        self._read = Counter({c: n for c, n in self._read.items() if c in self._channels})
        self.counts = self._by_topic(self._read)
        self.lost = self._by_topic(written - self._read)
        if not self._ended:
            self.problems.append(
                "it was not finished: it has no end and no index, because the recorder was killed "
                "or a copy was cut. It was read as far as it goes, "
                f"{self._read.total()} messages; `mcap recover {path}` saves them in a whole file"
            )
        elif self.lost and not self.problems:
            self.problems.append("it has fewer messages than its index says")
        if len(self.problems) > _MOST_PROBLEMS:
            more = len(self.problems) - _MOST_PROBLEMS
            self.problems[_MOST_PROBLEMS:] = [f"{more} other parts cannot be read either"]

    def messages(self, topics: Collection[str]) -> Iterator[tuple[str, int, bytes]]:
        """Yield topic, time of recording [ns] and content of each message that can be read."""
        wanted = {i: topic.name for i, topic in self._channels.items() if topic.name in topics}
        with open_regular(self.path) as file:
            for begin, end, chunk in self._stretches:
                file.seek(begin)
                records = file.read(end - begin)
                if chunk:
                    records, _ = _unpacked(records[9:])
                with contextlib.suppress(FileFormatError, struct.error):  # as when it was counted
                    for kind, content in _records(records):
                        if kind == _MESSAGE:
                            channel, _, time, _ = struct.unpack_from("<HIQQ", content)
                            if channel in wanted:
                                yield wanted[channel], time, bytes(content[22:])

    def _by_topic(self, counts: Counter[int]) -> Counter[str]:
        found: Counter[str] = Counter()
        for channel, count in counts.items():
            topic = self._channels.get(channel)
            found["a topic without a name" if topic is None else topic.name] += count
        return found

    def _read_index(self, file: BinaryIO) -> None:
        """Read the summary behind the data, if it is there and its checksum is right."""
        file.seek(max(0, self._size - _FOOTER_BYTES))
        footer = file.read()
        if len(footer) < _FOOTER_BYTES or footer[-8:] != MAGIC or footer[0] != _FOOTER:
            return
        self._ended = True
        begin, _, checksum = struct.unpack_from("<QQI", footer, 9)
        end = self._size - _FOOTER_BYTES
        if not len(MAGIC) < begin < end or end - begin > MAX_CHUNK:
            return
        file.seek(begin)
        summary = file.read(end - begin)
        if checksum and crc32(footer[:25], crc32(summary)) != checksum:
            return
        try:
            for kind, content in _records(summary):
                if kind == _CHUNK_INDEX:
                    self._chunks.append(struct.unpack_from("<Q", content, 16)[0])
                elif kind == _STATISTICS:
                    for offset in range(46, len(content) - 9, 10):
                        channel, count = struct.unpack_from("<HQ", content, offset)
                        self._expected[channel] = count
                else:
                    self._learn(kind, content)
        except (FileFormatError, struct.error, UnicodeDecodeError):
            self._chunks.clear()
            self._expected.clear()

    def _scan(self, file: BinaryIO) -> None:
        """Read all records up to the end of the data, and note where messages are."""
        position = len(MAGIC)
        while True:
            file.seek(position)
            head = file.read(9)
            kind, size = struct.unpack("<BQ", head) if len(head) == 9 else (0, 0)
            end = position + 9 + size
            if not _known(kind) or end > self._size:
                if kind == _CHUNK and not self._ended:
                    self._take(kind, file.read(), position, self._size)
                position = self._behind_damage(position)
                if position < 0:
                    return
                continue
            if kind in (_DATA_END, _FOOTER):
                if kind == _DATA_END and not self.problems:
                    self._check_sum(file, position, file.read(4))
                self._look_behind(file, position)
                return
            if kind in (_CHUNK, _SCHEMA, _CHANNEL, _MESSAGE, _MESSAGE_INDEX):
                problem = self._take(kind, file.read(size), position, end)
                if problem:
                    self.problems.append(f"of bytes {position} to {end}, {problem}")
            position = end

    def _take(self, kind: int, content: bytes, begin: int, end: int) -> str:
        """Take a record; return what is wrong with it."""
        problem = ""
        try:
            if kind == _CHUNK:
                records, problem = _unpacked(content)
                self._stretches.append(_Stretch(begin, end, chunk=True))
                for inner, part in _records(records):
                    self._learn(inner, part)
            elif kind == _MESSAGE_INDEX:
                channel, length = struct.unpack_from("<HI", content)
                self._indexed[channel] += length // 16
            else:
                self._learn(kind, content)
                self._note_message(kind, begin, end)
        except (FileFormatError, struct.error, UnicodeDecodeError) as error:
            reason = str(error) if isinstance(error, FileFormatError) else "a record is damaged"
            problem = problem or reason
        return problem

    def _check_sum(self, file: BinaryIO, end: int, recorded: bytes) -> None:
        """Compare the checksum of all data, which recorders count with or without the header."""
        if not any(recorded):  # mostly it is left out
            return
        file.seek(len(MAGIC) + 1)
        (header,) = struct.unpack("<Q", file.read(8))
        file.seek(0)
        with_header = crc32(file.read(len(MAGIC) + 9 + header))
        without, left = 0, end - file.tell()
        while left > 0 and (block := file.read(min(left, 1 << 20))):
            with_header, without = crc32(block, with_header), crc32(block, without)
            left -= len(block)
        if int.from_bytes(recorded, "little") not in (with_header, without):
            self.problems.append("the checksum of its data is wrong: some bytes have changed")

    def _look_behind(self, file: BinaryIO, position: int) -> None:
        """Note what is behind the first end of a file, as if another one was appended to it."""
        kind = 0
        while kind != _FOOTER:
            file.seek(position)
            kind, size = struct.unpack("<BQ", file.read(9).ljust(9, b"\0"))
            position = file.seek(min(position + 9 + size, self._size))
            if not kind:
                return
        if file.read(len(MAGIC)) == MAGIC and file.tell() < self._size:
            self._ended = True
            self._expected.clear()  # they may be of what was appended
            self.problems.append(
                f"behind its end, at byte {file.tell()} of {self._size}, there are more bytes, "
                "which were not read, as if a file was appended: cut it there to read both"
            )

    def _behind_damage(self, position: int) -> int:
        """Note damage, and return where to go on; -1: nowhere."""
        beyond = [offset for offset in self._chunks if offset > position]
        if beyond:
            self.problems.append(f"bytes {position} to {min(beyond)} cannot be read")
            return min(beyond)
        if self._ended:
            self.problems.append(f"it cannot be read from byte {position} of {self._size} on")
        return -1

    def _note_message(self, kind: int, begin: int, end: int) -> None:
        """Note a message outside a chunk; short stretches, because each is read at once."""
        if kind != _MESSAGE:
            return
        if self._stretches and self._stretches[-1].end == begin:
            last = self._stretches[-1]
            if end - last.begin < 1 << 20 and not last.chunk:
                self._stretches[-1] = _Stretch(last.begin, end)
                return
        self._stretches.append(_Stretch(begin, end))

    def _learn(self, kind: int, content: memoryview | bytes) -> None:
        """Take a schema or a channel, or count a message."""
        if kind == _MESSAGE:
            self._read[struct.unpack_from("<HIQQ", content)[0]] += 1
        elif kind == _SCHEMA:
            name, _ = _text(content, 2)
            self._kinds[struct.unpack_from("<H", content)[0]] = name
        elif kind == _CHANNEL:
            number, schema = struct.unpack_from("<HH", content)
            name, offset = _text(content, 4)
            encoding, _ = _text(content, offset)
            self._channels[number] = BagTopic(name, self._kinds.get(schema, ""), encoding)


def _records(data: bytes) -> Iterator[tuple[int, memoryview]]:
    """Yield kind and content of records; raise FileFormatError if one is cut."""
    view, position = memoryview(data), 0
    while position < len(view):
        if position + 9 > len(view):
            raise FileFormatError("a record is cut")
        kind, size = struct.unpack_from("<BQ", view, position)
        position += 9
        if size > len(view) - position or not _known(kind):
            raise FileFormatError("a record is cut or damaged")
        yield kind, view[position : position + size]
        position += size


def _text(content: memoryview | bytes, offset: int) -> tuple[str, int]:
    """Return a text and the offset behind it."""
    (size,) = struct.unpack_from("<I", content, offset)
    begin = offset + 4
    if size > len(content) - begin:
        raise FileFormatError("a record is cut")
    return one_line(bytes(content[begin : begin + size]).decode(), MAX_NAME), begin + size


def _known(kind: int) -> bool:
    return 0 < kind <= _DATA_END or kind >= _PRIVATE


def _unpacked(content: bytes) -> tuple[bytes, str]:
    """Return the sound records of a chunk, and what is wrong with it."""
    _, _, size, checksum = struct.unpack_from("<QQQI", content)
    compression, offset = _text(content, 28)
    (packed,) = struct.unpack_from("<Q", content, offset)
    data = content[offset + 8 : offset + 8 + packed]
    if size > most_unpacked(len(data)):
        return b"", f"a chunk of {len(data)} bytes claims to unpack to {size}"
    cut = len(data) < packed
    if compression:
        data = unpack(compression, data, size)
    if len(data) != size or cut:
        return data, "a chunk is cut"
    if checksum and crc32(data) != checksum:
        return b"", "the checksum of a chunk is wrong"
    return data, ""


def most_unpacked(size: int) -> int:
    """Return to how many bytes a chunk or message of this size may unpack."""
    return min(MAX_CHUNK, max(_SMALL, _RATIO * size))


def unpack(compression: str, data: bytes, most: int) -> bytes:
    """Return at most ``most`` bytes, and one, of data that zstd or lz4 has packed.

    Raises:
        FileFormatError: It is damaged or cut, or packed by something else.
        ImportError: The package for it is missing.
    """
    try:
        if compression == "lz4":
            lz4 = brought_by_rosbags("lz4.frame")
            return bytes(lz4.LZ4FrameDecompressor().decompress(data, max_length=most + 1))
        if compression == "zstd":
            return bytes(zstd().ZstdDecompressor().decompress(data, max_length=most + 1))
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # each package has errors of its own
        raise FileFormatError(f"what {compression} has packed is damaged") from error
    raise FileFormatError(f"packed by {compression}, which is neither lz4 nor zstd")


def zstd() -> Any:
    """Return the module for zstd: Python's own, or the package that rosbags brings."""
    own = sys.version_info >= (3, 14)
    return brought_by_rosbags("compression.zstd" if own else "backports.zstd")


def brought_by_rosbags(module: str) -> Any:
    """Return a module of a package that rosbags depends on."""
    return import_module(module)
