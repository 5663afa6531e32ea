"""A JPEG with stray bytes is used if it lost no pixel, and refused if it did."""

from __future__ import annotations

import itertools
import re
import tracemalloc
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wm_planner.images import (
    CameraDecoder,
    ImageFormatError,
    ImagePolicy,
    codec_warnings,
    decode,
    decode_noting,
    jpeg_scan,
)
from wm_planner.images.file_structure import DamagedFileError

RANDOM = np.random.default_rng(0)
NOISE = cv2.GaussianBlur(RANDOM.integers(0, 256, (64, 96, 3), dtype=np.uint8), (0, 0), 2)
SCENE = np.ascontiguousarray(NOISE.repeat(2, 0).repeat(2, 1))
RESTART = cv2.IMWRITE_JPEG_RST_INTERVAL
KINDS = {
    "color": (SCENE, [cv2.IMWRITE_JPEG_QUALITY, 80]),
    "fine": (SCENE, [cv2.IMWRITE_JPEG_QUALITY, 95]),
    "restarts": (SCENE, [cv2.IMWRITE_JPEG_QUALITY, 80, RESTART, 12]),
    "gray": (SCENE[..., 0], [cv2.IMWRITE_JPEG_QUALITY, 80]),
    "own tables": (SCENE, [cv2.IMWRITE_JPEG_QUALITY, 80, cv2.IMWRITE_JPEG_OPTIMIZE, 1]),
    "odd size": (SCENE[:61, :83], [RESTART, 3]),
}
FILES = {
    name: cv2.imencode(".jpg", image, options)[1].tobytes()
    for name, (image, options) in KINDS.items()
}


def read(data: bytes) -> NDArray[np.uint8]:
    return decode(SimpleNamespace(format="jpeg", data=data))


def irregular(data: bytes) -> str:
    """What is told about a JPEG."""
    message = SimpleNamespace(format="jpeg", data=data)
    return decode_noting(message, ImagePolicy(), thorough=True).irregular


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield kind, start and end of each header."""
    position = 2
    while data[position + 1] != 0xD9:
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        yield data[position + 1], position, end
        if data[position + 1] == 0xDA:
            return
        position = end


def coded_from(data: bytes) -> int:
    return list(segments(data))[-1][2]


def with_strays(data: bytes, stray: Any, only: int | None = None) -> bytes:
    """Put stray bytes before the restart markers and the end marker, or before one of them."""
    start, number = coded_from(data), 0
    result, position = bytearray(data[:start]), start
    while position < len(data):
        if data[position] == 0xFF and data[position + 1] != 0:
            if only is None or number == only:
                result += stray(number)
            number += 1
        result += (
            data[position : position + 2]
            if data[position] == 0xFF
            else data[position : position + 1]
        )
        position += 2 if data[position] == 0xFF else 1
    return bytes(result)


STRAYS = {
    "one byte": lambda n: b"\x5c",
    "zeros": lambda n: bytes(4),
    "a buffer's rest": lambda n: bytes(5000),
    "many": lambda n: b"\x12" * 30,
    "others each time": lambda n: bytes([n * 37 % 255, n * 11 % 255]),
    "fill bytes": lambda n: b"\xff\xff",
    "a stuffed byte": lambda n: b"\x12\xff\x00\x34",
}


@pytest.mark.parametrize("stray", STRAYS)
@pytest.mark.parametrize("kind", FILES)
def test_stray_bytes_before_markers_change_no_pixel(
    kind: str, stray: str, capfd: pytest.CaptureFixture[str]
) -> None:
    data = with_strays(FILES[kind], STRAYS[stray])
    assert np.array_equal(read(data), read(FILES[kind]))
    assert bool(irregular(data)) == (stray != "fill bytes")
    assert capfd.readouterr().err == ""


def test_a_regular_jpeg_is_not_called_irregular() -> None:
    assert [irregular(data) for data in FILES.values()] == [""] * len(FILES)


@pytest.mark.parametrize("kind", FILES)
def test_stray_bytes_between_headers_change_no_pixel(kind: str) -> None:
    data = FILES[kind]
    for _, start, _ in segments(data):
        strays = data[:start] + b"\x00\x41\x42" + data[start:]
        assert np.array_equal(read(strays), read(data))
        assert "3 bytes between its headers" in irregular(strays)


@pytest.mark.parametrize("kind", FILES)
def test_what_surrounds_a_jpeg_is_left_out(kind: str) -> None:
    data = FILES[kind]
    for around in (
        b"\r\n" + data,
        data + bytes(50),
        data + b"\r\n--frame",
        data[:2] + b"\xff" * 3 + data[2:],
    ):
        assert np.array_equal(read(around), read(data))


@pytest.mark.parametrize("kind", FILES)
def test_a_missing_end_marker_alone_loses_no_pixel(kind: str) -> None:
    data = FILES[kind]
    for without in (data[:-2], data[:-1], data[:-2] + bytes(40), data[:-2] + data):
        assert np.array_equal(read(without), read(data))
        assert "end marker is missing" in irregular(without)


def test_a_jpeg_without_huffman_tables_has_the_usual_ones() -> None:
    data = FILES["restarts"]
    parts = [data[start:end] for name, start, end in segments(data) if name != 0xC4]
    bare = b"".join([data[:2], *parts, data[coded_from(data) :]])
    strays = with_strays(bare, STRAYS["one byte"])
    assert np.array_equal(read(bare), read(data))
    assert np.array_equal(read(strays), read(data))


def refused(data: bytes) -> bool:
    try:
        read(data)
    except ImageFormatError:
        return True
    return False


@pytest.mark.parametrize("kind", FILES)
def test_a_jpeg_that_is_cut_short_is_refused(kind: str) -> None:
    data = FILES[kind]
    start = coded_from(data)
    for cut in [*range(len(data) - 9, len(data) - 2), *RANDOM.integers(start, len(data) - 2, 20)]:
        for end in (b"", b"\xff\xd9", b"\x5c\xff\xd9" if cut < len(data) - 30 else b""):
            assert refused(data[:cut] + end), (cut, end)
        assert refused(data[:cut] + bytes(50) + b"\xff\xd9"), f"{cut}, then zeros"


def test_a_missing_stretch_between_restart_markers_is_refused() -> None:
    for data in (FILES["restarts"], with_strays(FILES["restarts"], STRAYS["one byte"])):
        restarts = re.finditer(rb"\xff[\xd0-\xd7]", data[coded_from(data) :])
        places = [coded_from(data) + found.start() for found in restarts]
        for one, other in itertools.pairwise(places):
            assert refused(data[:one] + data[other:])
            assert refused(data[: one + 2] + data[other:])


def test_damage_behind_stray_bytes_is_refused_although_libjpeg_prints_only_these() -> None:
    clean = FILES["restarts"]
    strays = with_strays(clean, STRAYS["many"])
    start = coded_from(strays)
    middle = start + (len(strays) - start) // 2
    assert refused(strays[:middle] + strays[middle + 60 :])


def damaged(data: bytes, random: np.random.Generator) -> bytes:
    """Change coded data at random: bits, bytes, stretches lost or put in."""
    result, start, end = bytearray(data), coded_from(data), len(data) - 2
    place, length = int(random.integers(start, end)), int(random.integers(1, 60))
    stretch = slice(place, min(place + length, end))
    kind = random.integers(5)
    if kind == 0:
        result[place] ^= 1 << int(random.integers(8))
    elif kind == 1:
        result[stretch] = random.bytes(stretch.stop - place)
    elif kind == 2:
        del result[stretch]
    elif kind == 3:
        result[place:place] = random.bytes(length)
    else:
        result[stretch] = bytes(stretch.stop - place)
    return bytes(result)


@pytest.mark.parametrize("kind", FILES)
def test_what_libjpeg_reports_is_not_used_with_lost_pixels(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[bytes] = []
    capture = codec_warnings.capture

    def record(decoder: Any) -> Any:
        result, lines = capture(decoder)
        reported.extend(lines)
        return result, lines

    monkeypatch.setattr(codec_warnings, "capture", record)
    random, clean, used = np.random.default_rng(1), read(FILES[kind]), []
    camera = Camera()
    camera.used(FILES[kind])
    for _ in range(400):
        reported.clear()
        data = damaged(FILES[kind], random)
        if not refused(data) and reported and not np.array_equal(read(data), clean):
            used.append(data)
    assert len(used) <= 1  # the end of a JPEG can look as if stray bytes followed
    assert [camera.used(data) for data in used] == [0] * len(used)


@pytest.mark.parametrize("interval", [1, 2, 8])
def test_damage_between_two_of_many_restart_markers_is_refused(interval: int) -> None:
    random, lost = np.random.default_rng(2), 0
    data = cv2.imencode(".jpg", SCENE, [RESTART, interval])[1].tobytes()
    for _ in range(400):
        spoiled = damaged(data, random)
        if not refused(spoiled) and irregular(spoiled):
            lost += not np.array_equal(read(spoiled), read(data))
    assert lost <= 1  # what follows the last one cannot be told apart


def headers_of(data: bytes, more: bytes) -> bytes:
    """Put headers before a JPEG's coded data, and stray bytes behind them."""
    scan = next(start for kind, start, _ in segments(data) if kind == 0xDA)
    return with_strays(data[:scan] + more + data[scan:], STRAYS["many"])


def tables(names: Iterable[int]) -> bytes:
    """A segment of Huffman tables of one code each."""
    content = b"".join(bytes((name, 1, *bytes(15), 0)) for name in names)
    return b"\xff\xc4" + (len(content) + 2).to_bytes(2, "big") + content


def test_many_huffman_tables_cost_no_memory_and_unknown_ones_are_refused() -> None:
    data, unused = FILES["gray"], [2, 3, 18, 19]
    many = headers_of(data, tables(unused * 800) * 5)
    assert np.array_equal(read(many), read(data))
    for name in (4, 15, 20, 200):
        with pytest.raises(DamagedFileError, match="of a kind for which"):
            jpeg_scan.without_stray_bytes(headers_of(data, tables([name])))
    tracemalloc.start()
    jpeg_scan.without_stray_bytes(many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20


def test_an_irregular_jpeg_that_is_too_large_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_scan, "LARGEST", 1000)
    with pytest.raises(ImageFormatError, match="irregular; only up to 1000 bytes are read again"):
        read(FILES["color"][:-2])


class Camera:
    """Shows JPEGs to a decoder; counts those that are used."""

    def __init__(self) -> None:
        self._decoder = CameraDecoder(ImagePolicy(), "/camera")
        self.irregular, self.reasons = "", set[str]()

    def used(self, data: bytes, times: int = 1) -> int:
        used = 0
        for _ in range(times):
            try:
                decoded = self._decoder.decode(SimpleNamespace(format="jpeg", data=data))
            except ImageFormatError as error:
                self.reasons.add(error.reason)
            else:
                used, self.irregular = used + 1, decoded.irregular
        return used


CLEAN, ODD = FILES["color"], with_strays(FILES["color"], STRAYS["many"])


def test_an_irregular_jpeg_of_a_regular_camera_is_refused() -> None:
    camera = Camera()
    for _ in range(3):
        assert camera.used(CLEAN, 9) == 9
        assert camera.used(ODD) == 0
    assert camera.used(ODD) == 0  # also the next one
    assert (camera.irregular, camera.reasons) == ("", {"irregular"})


@pytest.mark.parametrize("stray", ["one byte", "many"])
def test_an_irregular_camera_is_used_and_told_from_its_third_image_on(stray: str) -> None:
    camera = Camera()
    assert camera.used(with_strays(CLEAN, STRAYS[stray]), 30) == 28
    assert "before restart or end markers" in camera.irregular
    assert camera.used(CLEAN[:-2]) == 0  # another irregularity
    assert camera.used(CLEAN, 12) == 12
    assert camera.irregular == ""
    assert camera.used(ODD) == 0
