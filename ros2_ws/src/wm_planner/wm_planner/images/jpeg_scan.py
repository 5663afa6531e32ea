"""Tell stray bytes in a JPEG's coded data from coded data that are left over.

Cameras put stray bytes before restart and end markers. libjpeg skips them, but it reports them with
the same words as what is left over after damage, it counts them across markers, and it prints only
the first of its warnings. So the Huffman codes are read here, without their values (ITU-T T.81,
annex F). Between two markers no pixel was lost if

- all blocks that belong there can be read,
- the last byte that was read ends with ones, as the standard fills it, and
- what follows cannot be read as further blocks up to the marker. If most stretches between markers
  end with stray bytes, this is not asked: damage does not hit most of them, and stray bytes look
  like blocks now and then.

Cameras put stray bytes before many markers or before the end marker only, so those before a few
restart markers count as damage. Reading takes many times as long as libjpeg, so it is done only for
irregular files.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from wm_planner.images.file_structure import DamagedFileError
from wm_planner.images.opencv import cv2

_LOST = "the JPEG's coded data are damaged or cut short, so pixels are lost"
_UNKNOWN = "the JPEG is irregular, and of a kind for which lost pixels cannot be ruled out"
_LARGE = "the JPEG is irregular; only up to {} bytes are read again to rule out lost pixels"
LARGEST = 2**22
"""Largest file that is read [bytes]; reading needs about 60 times as much memory."""
_ZEROS = 16
"""Zeros at the end that are read; more of them tell nothing more [bytes]."""
_FEW = 8
"""Fewer bytes than this look like the rest of a unit too often [bytes]."""
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_BLOCK = 64
"""Coefficients of a block; fewer than ``_WRONG`` and ``_DONE`` in any sum."""
_WRONG, _DONE = 500, 1000
"""In place of the coefficients that a code adds: there is no such code; the block ends here."""

_MANY = 4
"""Stray bytes are before at least one of so many markers, or before the end marker only."""
_TABLES = frozenset({0, 1, 2, 3, 16, 17, 18, 19})
"""Names of Huffman tables: from 0 on for DC, from 16 on for AC coefficients."""

Codes = memoryview
"""(65536,) uint16 by the next 16 bits: bits of code and value + 32 times the coefficients added."""


@dataclass(frozen=True)
class _Scan:
    """What is needed to read the coded data.

    Attributes:
        start: Their offset in the file.
        blocks: The codes of the DC and AC coefficients, and those of as many AC coefficients as
            16 bits hold, for each block of a unit (MCU).
        units: Units of the image.
        interval: Units up to a marker.
    """

    start: int
    blocks: list[tuple[Codes, Codes, Codes]]
    units: int
    interval: int


def without_stray_bytes(data: bytes) -> tuple[bytes, int]:
    """Leave out the stray bytes before restart and end markers.

    Args:
        data: A JPEG as ``jpeg.read_structure`` returns it.

    Returns:
        The JPEG without them, and their number.

    Raises:
        DamagedFileError: Pixels are lost, or the JPEG is of a kind for which this cannot be told
            (progressive, arithmetic codes, several scans, too large).
    """
    scan, units = _read_headers(data), 0
    kept, stretches = [data[: scan.start]], []
    for coded, marker in _split(data, scan):
        stretch = _Stretch(coded, scan, min(scan.units - units, scan.interval))
        units = min(scan.units, units + scan.interval)
        kept += [stretch.needed, marker]
        stretches.append(stretch)
    irregular = [stretch for stretch in stretches if stretch.strays]
    counts = sorted(stretch.strays for stretch in irregular)
    single, usual = len(stretches) == 1, 2 * len(irregular) > len(stretches) > 1
    if irregular not in ([], stretches[-1:]) and len(irregular) < max(2, len(stretches) / _MANY):
        raise DamagedFileError(_LOST)
    for stretch in irregular:
        every_phase = not single or stretch.strays >= _FEW
        coded_on = not usual and stretch.reads_on(every_phase=every_phase)
        odd = stretch.strays > 4 * counts[len(counts) // 2]
        if coded_on or odd or not stretch.filled_with_ones:
            raise DamagedFileError(_LOST)
    return b"".join(kept), sum(counts)


def _split(data: bytes, scan: _Scan) -> Iterator[tuple[bytes, bytes]]:
    """Yield the coded data up to each marker without fill bytes, and the marker.

    Raises:
        DamagedFileError: A restart marker is missing or superfluous.
    """
    count, position = -(-scan.units // scan.interval), scan.start
    for number in range(count):
        found = _MARKER.search(data, position)
        last = number == count - 1
        if not found or found[0][1] != (0xD9 if last else 0xD0 + number % 8):
            raise DamagedFileError(_LOST)
        yield data[position : found.start()].rstrip(b"\xff"), found[0]
        position = found.end()


class _Stretch:
    """The coded data up to a marker.

    Args:
        coded: The bytes.
        scan: The codes.
        units: Units that belong here.

    Raises:
        DamagedFileError: They cannot be read.

    Attributes:
        strays: Bytes that are left over.
        needed: The coded data without them.
    """

    def __init__(self, coded: bytes, scan: _Scan, units: int) -> None:
        filled = len(coded.rstrip(b"\x00")) + _ZEROS  # a buffer may be filled with many zeros
        zeros, coded = max(0, len(coded) - filled), coded[:filled]
        self._scan, self._bytes = scan, coded.replace(b"\xff\x00", b"\xff")
        self._next16, self._end = _peek(self._bytes), 8 * len(self._bytes)
        self._stop, blocks = self._read(0, 0, units * len(scan.blocks))
        if blocks < units * len(scan.blocks):
            raise DamagedFileError(_LOST)
        used = -(-self._stop // 8)
        self.strays = len(self._bytes) - used + zeros
        self.needed = self._bytes[:used].replace(b"\xff", b"\xff\x00")

    @property
    def filled_with_ones(self) -> bool:
        """Whether the last byte that was read ends as the standard asks, and is no filled zero."""
        used = -(-self._stop // 8)
        return self._ones(self._stop, used) and self._bytes[used - 1 : used + 1] != b"\x00\x00"

    def reads_on(self, *, every_phase: bool) -> bool:
        """Decide whether what is left over can be read as whole units up to the marker.

        Args:
            every_phase: Also as if a unit had already begun, as after damage.
        """
        count = len(self._scan.blocks)
        for phase in range(count if every_phase else 1):
            stop, blocks = self._read(self._stop, phase, self._end)
            whole = blocks > 0 and (phase + blocks) % count == 0
            if whole and self._end - stop < 8 and self._ones(stop, len(self._bytes)):
                return True
        return False

    def _ones(self, bit: int, end: int) -> bool:
        """Return whether all bits from ``bit`` to the byte ``end``, less than eight, are ones."""
        rest = 8 * end - bit
        return rest == 0 or (~self._bytes[end - 1] & ((1 << rest) - 1)) == 0

    def _read(self, bit: int, phase: int, most: int) -> tuple[int, int]:
        """Read up to ``most`` blocks; return the bit after the last whole one, and their number."""
        next16, end, blocks = self._next16, self._end, self._scan.blocks
        for done in range(most):
            if bit >= end:
                return bit, done
            dc, ac, several = blocks[(phase + done) % len(blocks)]
            code = dc[next16[bit]]
            place, filled = bit + (code & 31), code >> 5
            while filled < _BLOCK and place < end:
                code = several[next16[place]]
                total = filled + (code >> 5)
                if total > _BLOCK and not _DONE <= total < _DONE + _BLOCK:  # the block ends earlier
                    code = ac[next16[place]]
                    total = filled + (code >> 5)
                place += code & 31
                filled = total
            if (filled != _BLOCK and filled < _DONE) or place > end:
                return bit, done
            bit = place
        return bit, most


def _peek(coded: bytes) -> memoryview:
    """Return the next 16 bits from each bit on, with ones after the end, (8 * length,) uint16."""
    padded = np.frombuffer(coded + b"\xff" * 2, np.uint8).astype(np.uint32)
    next24 = padded[:-2] << 16 | padded[1:-1] << 8 | padded[2:]
    result = np.empty((len(coded), 8), np.uint16)
    for bit in range(8):
        result[:, bit] = (next24 >> (8 - bit)) & 0xFFFF
    return result.reshape(-1).data


def _read_headers(data: bytes) -> _Scan:
    """Read the headers up to the coded data.

    Raises:
        DamagedFileError: They contradict one another, or the kind is not known here.
    """
    if len(data) > LARGEST:
        raise DamagedFileError(_LARGE.format(LARGEST))
    position, interval, frame, tables = 2, 0, b"", dict(_usual_tables())
    try:
        while True:
            kind, position, content = _segment(data, position)
            if kind == 0xC4:
                tables |= _huffman_tables(content)
            elif kind == 0xDD:
                interval = int.from_bytes(content[:2], "big")
            elif kind in (0xC0, 0xC1):
                frame = content
            elif kind == 0xDA:
                return _layout(frame, content, tables, interval, position)
    except (LookupError, ValueError, ZeroDivisionError):
        raise DamagedFileError(_UNKNOWN) from None


def _segment(data: bytes, position: int) -> tuple[int, int, bytes]:
    """Return the kind of a header, the position after it, and its content."""
    end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return data[position + 1], end, data[position + 4 : end]


def _layout(
    frame: bytes, scan: bytes, tables: dict[int, bytes], interval: int, start: int
) -> _Scan:
    """Combine the headers of frame and scan; raise ``LookupError`` if they do not fit."""
    height, width, count = (
        int.from_bytes(frame[1:3], "big"),
        int.from_bytes(frame[3:5], "big"),
        frame[5],
    )
    factors = {frame[i]: divmod(frame[i + 1], 16) for i in range(6, 6 + 3 * count, 3)}
    if scan[0] != count:
        raise LookupError
    blocks, across, down = [], 8, 8
    for i in range(1, 1 + 2 * count, 2):
        horizontal, vertical = factors[scan[i]]
        dc, ac = divmod(scan[i + 1], 16)
        first, (one_more, several) = _codes(tables[dc], ac=False), _codes(tables[16 + ac], ac=True)
        one = (first[0], one_more, several)
        blocks += [one] * (horizontal * vertical if count > 1 else 1)
    if count > 1:
        across = 8 * max(h for h, _ in factors.values())
        down = 8 * max(v for _, v in factors.values())
    units = -(-width // across) * -(-height // down)
    return _Scan(start, blocks, units, interval or units)


def _huffman_tables(content: bytes) -> dict[int, bytes]:
    """Return the tables of a DHT segment by name: the number of codes by length, and the values.

    Raises:
        LookupError: A table has a name that does not exist, or is cut short.
    """
    found = {}
    while content:
        end = 17 + sum(content[1:17])
        if content[0] not in _TABLES or len(content) < end:
            raise LookupError
        found[content[0]] = content[1:end]
        content = content[end:]
    return found


@functools.lru_cache(maxsize=8)
def _codes(table: bytes, *, ac: bool) -> tuple[Codes, Codes]:
    """Return what one code of a table means, and what all codes mean that 16 bits hold.

    Raises:
        DamagedFileError: The table has more codes than 16 bits can tell apart.
    """
    lengths = np.repeat(np.arange(1, 17), list(table[:16]))
    spans = 1 << (16 - lengths)
    if spans.sum() > 65536:
        raise DamagedFileError(_LOST)
    meanings = np.array([_meaning(value, ac=ac) for value in table[16:]], int).reshape(-1, 2)
    length, bits, added = np.full(65536, 16), np.zeros(65536, int), np.full(65536, _WRONG)
    for whole, part in (
        (length, lengths),
        (bits, lengths + meanings[:, 0]),
        (added, meanings[:, 1]),
    ):
        whole[: spans.sum()] = np.repeat(part, spans)
    window, place, filled = np.arange(65536), bits.copy(), added.copy()
    for _ in range(7):
        rest = (window << place) & 0xFFFF
        more = (filled < _BLOCK) & (place + length[rest] <= 16) & (added[rest] != _WRONG)
        more &= place + bits[rest] < 32
        if not more.any():
            break
        place += np.where(more, bits[rest], 0)
        filled += np.where(more, added[rest], 0)
    one, several = bits + 32 * added, place + 32 * filled
    return one.astype(np.uint16).data, several.astype(np.uint16).data


def _meaning(value: int, *, ac: bool) -> tuple[int, int]:
    """Return the bits that follow a code, and the coefficients that it adds."""
    run, size = divmod(value, 16)
    if not ac:
        return (value, 1) if value <= 11 else (0, _WRONG)
    if size:
        return (size, run + 1) if size <= 10 else (0, _WRONG)
    return 0, {0: _DONE, 15: 16}.get(run, _WRONG)


@functools.cache
def _usual_tables() -> dict[int, bytes]:
    """Return the tables of a JPEG without any, as MJPEG cameras send them: annex K's."""
    usual = cv2().imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    position, kind, tables = 2, 0, dict[int, bytes]()
    while kind != 0xDA:
        kind, position, content = _segment(usual, position)
        if kind == 0xC4:
            tables |= _huffman_tables(content)
    return tables
