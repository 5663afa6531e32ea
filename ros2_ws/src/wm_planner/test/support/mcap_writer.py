"""Writes MCAP files as recorders do: chunks with checksums, indices behind them and at the end."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from wm_planner.files.mcap_file import brought_by_rosbags, zstd

MAGIC = b"\x89MCAP0\r\n"


class Message(NamedTuple):
    channel: int
    time: int
    data: bytes


class Written(NamedTuple):
    """A file, and where its chunks begin and end."""

    path: Path
    chunks: list[tuple[int, int]]


def write_mcap(
    path: Path,
    topics: Iterable[tuple[str, str]],
    chunks: Iterable[list[Message]],
    compression: str = "",
    *,
    data_checksum: bool = False,
) -> Written:
    """Writes a file; channel ``i`` is the ``i``-th topic, a name and a type.

    The chunks may be packed by ``lz4`` or ``zstd``; all data may have a checksum of their own.
    """
    pack = {"": bytes, "lz4": _lz4, "zstd": lambda data: zstd().compress(data)}[compression]
    content = MAGIC + _record(1, _text("ros2") + _text("test"))
    known = b""
    for number, (name, kind) in enumerate(topics):
        known += _record(3, struct.pack("<H", number + 1) + _text(kind) + _text("") + _text(""))
        channel = struct.pack("<HH", number, number + 1) + _text(name) + _text("cdr")
        known += _record(4, channel + struct.pack("<I", 0))
    places, index, counts = [], b"", Counter[int]()
    for chunk in chunks:
        records = known if not places else b""
        for number, time, data in chunk:
            records += _record(5, struct.pack("<HIQQ", number, 0, time, time) + data)
        head = struct.pack("<QQQI", chunk[0].time, chunk[-1].time, len(records), crc32(records))
        packed = pack(records)
        whole = _record(6, head + _text(compression) + struct.pack("<Q", len(packed)) + packed)
        begin = len(content)
        content += whole
        places.append((begin, len(content)))
        inside = Counter(message.channel for message in chunk)
        counts += inside
        for number, count in inside.items():
            content += _record(7, struct.pack("<HI", number, 16 * count) + bytes(16 * count))
        place = struct.pack("<QQ", begin, len(whole)) + bytes(12)
        index += _record(8, head[:16] + place + _text("") + bytes(16))
    content += _record(15, struct.pack("<I", crc32(content) if data_checksum else 0))
    pairs = b"".join(struct.pack("<HQ", *pair) for pair in counts.items())
    statistics = struct.pack(
        "<QHIIIIQQI", counts.total(), 1, 1, 0, 0, len(places), 0, 0, len(pairs)
    )
    begin, summary = len(content), known + index + _record(11, statistics + pairs)
    footer = b"\x02" + struct.pack("<QQQ", 20, begin, 0)
    checksum = crc32(footer, crc32(summary))
    path.write_bytes(content + summary + footer + struct.pack("<I", checksum) + MAGIC)
    return Written(path, places)


def _lz4(data: bytes) -> bytes:
    return bytes(brought_by_rosbags("lz4.frame").compress(data))


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<BQ", kind, len(content)) + content


def _text(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode()
