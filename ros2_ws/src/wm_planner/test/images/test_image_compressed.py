"""JPEG and PNG are decoded to upright RGB; damaged and unsupported data are refused."""

from __future__ import annotations

import io
import os
import struct
import threading
import zlib
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from wm_planner.images import ImageFormatError, ImagePolicy, codec_warnings, decode, jpeg

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.integers(0, 256, (61, 80, 3), dtype=np.uint8)
RGB = cv2.GaussianBlur(NOISE, (0, 0), 2) // 3 * 2 + np.array([80, 40, 0], np.uint8)
ORIENTATION = 0x112


def encode(pixels: NDArray[Any], kind: str, mode: str | None = None, **options: Any) -> bytes:
    """Encode with Pillow, which the code under test does not use."""
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()


def png16(pixels: NDArray[np.uint16]) -> bytes:
    """Write a 16-bit PNG with row filter 0 and the values in the order given (RGB or gray)."""
    height, width = pixels.shape[:2]
    color = 2 if pixels.ndim == 3 else 0
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    return png(chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)))


def chunk(kind: bytes, data: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + crc


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def compressed(data: bytes, form: str = "jpeg") -> SimpleNamespace:
    return SimpleNamespace(format=form, data=data)


JPEG = encode(RGB, "JPEG", quality=95)
PNG = encode(RGB, "PNG")


def close(a: NDArray[np.uint8], b: NDArray[np.uint8], limit: float = 8.0) -> bool:
    return a.shape == b.shape and float(np.abs(a.astype(int) - b).mean()) < limit


@pytest.mark.parametrize(
    "form",
    ["jpeg", "jpg", "JPEG", "", "rgb8; jpeg compressed bgr8", "bgr8; jpeg compressed bgr8",
     "rgba8; jpeg compressed bgr8", "bgr8; jpeg compressed ", "bayer_rggb8; jpeg compressed bgr8",
     "png", "something else"],
)  # fmt: skip
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_color_jpeg_is_rgb_whatever_the_format_string(form: str, options: dict[str, Any]) -> None:
    rgb = decode(compressed(encode(RGB, "JPEG", quality=95, **options), form))
    assert close(rgb, RGB)
    assert not close(rgb[..., ::-1], RGB, 30.0)
    assert rgb.flags.owndata
    assert rgb.flags.writeable
    assert rgb.flags.c_contiguous


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("form", ["jpeg", "mono8; jpeg compressed ", "mono8; png compressed "])
def test_gray_images_get_three_equal_channels(kind: str, form: str) -> None:
    rgb = decode(compressed(encode(RGB[..., 0], kind), form))
    assert rgb.shape == RGB.shape
    assert (rgb == rgb[..., :1]).all()


@pytest.mark.parametrize("form", ["png", "rgb8; png compressed bgr8", "bgr8; png compressed bgr8"])
def test_color_png_is_exact(form: str) -> None:
    assert np.array_equal(decode(compressed(PNG, form)), RGB)


@pytest.mark.parametrize("form", ["rgb8; png compressed rgb8", "bgr8; png compressed rgb8"])
def test_file_stored_as_rgb_is_read_as_image_transport_reads_it(form: str) -> None:
    stored_as_if_bgr = encode(RGB[..., ::-1], "PNG")
    assert np.array_equal(decode(compressed(stored_as_if_bgr, form)), RGB)


def test_alpha_is_dropped_not_multiplied() -> None:
    transparent = np.dstack([RGB, np.zeros_like(RGB[..., :1])])
    assert np.array_equal(decode(compressed(encode(transparent, "PNG"), "png")), RGB)


@pytest.mark.parametrize("mode", ["P", "L", "LA", "1"])
def test_other_kinds_of_png_are_decoded_as_pillow_does(mode: str) -> None:
    data = encode(RGB, "PNG", mode)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.array_equal(decode(compressed(data, "png")), expected)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_16_bit_png_follows_the_declared_bit_depth(bits: int) -> None:
    values = RANDOM.integers(0, 2**bits, (5, 6, 3)).astype(np.uint16)
    expected = np.rint(values * (255 / (2**bits - 1)))
    policy = ImagePolicy(bit_depth=bits)
    rgb = decode(compressed(png16(values), "rgb16; png compressed bgr16"), policy)
    assert np.array_equal(rgb, expected)
    gray = decode(compressed(png16(values[..., 0]), "mono16; png compressed "), policy)
    assert np.array_equal(gray[..., 1], expected[..., 0])


def test_bayer_png_is_demosaiced() -> None:
    mosaic = np.zeros((8, 8), np.uint8)
    mosaic[::2, ::2] = 200
    rgb = decode(compressed(encode(mosaic, "PNG"), "bayer_rggb8; png compressed "))
    assert rgb.mean(axis=(0, 1)).tolist() == [200.0, 0.0, 0.0]


def test_generic_png_needs_its_order_declared() -> None:
    data = encode(RGB[..., ::-1], "PNG")  # imencode takes the bytes for BGR, they were RGB
    with pytest.raises(ImageFormatError, match="generic_color_order"):
        decode(compressed(data, "8UC3; png compressed "))
    rgb = decode(compressed(data, "8UC3; png compressed "), ImagePolicy(generic_color_order="rgb"))
    assert np.array_equal(rgb, RGB)


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("16UC1; compressedDepth png", "depth"),
        ("32FC1; compressedDepth rvl", "depth"),
        ("16UC1; png compressed ", "bit_depth"),
        ("32FC1; png compressed ", "depth"),
        ("32SC1; png compressed ", "labels"),
    ],
)
def test_depth_and_labels_are_refused(form: str, reason: str) -> None:
    with pytest.raises(ImageFormatError, match="color") as caught:
        decode(compressed(png16(np.zeros((4, 4), np.uint16)), form))
    assert caught.value.reason == reason


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_orientation_is_applied(turn: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    data = encode(RGB, "JPEG", quality=95, exif=exif)
    upright = {
        1: RGB, 2: RGB[:, ::-1], 3: RGB[::-1, ::-1], 4: RGB[::-1], 5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, -1), 7: np.rot90(RGB, 2).transpose(1, 0, 2), 8: np.rot90(RGB, 1),
    }[turn]  # fmt: skip
    assert close(decode(compressed(data)), upright)


CUT = {
    f"{name} cut at {percent} %": data[: len(data) * percent // 100]
    for name, data in (("JPEG", JPEG), ("PNG", PNG))
    for percent in (10, 50, 90, 99)
}
DAMAGED = CUT | {
    "JPEG without its last byte and end marker": JPEG[:-3],
    "JPEG with bytes lost": JPEG[:900] + JPEG[1000:],
    "JPEG of headers only": JPEG[:20] + b"\xff\xd9",
    "JPEG with random headers": b"\xff\xd8\xff\xe0" + bytes(RANDOM.bytes(500)),
    "PNG without its end chunk": PNG[:-12],
    "PNG with a bit flipped": PNG[:200] + bytes([PNG[200] ^ 1]) + PNG[201:],
    "PNG with no data": png(chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))),
    "PNG with short data": png(
        chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)),
        chunk(b"IDAT", zlib.compress(b"\0" * 25)),
    ),
    "PNG that begins with data": png(chunk(b"IDAT", b"")),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_image_is_refused_without_output(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ImageFormatError) as caught:
        decode(compressed(DAMAGED[name]))
    assert caught.value.reason == "damaged"
    captured = capfd.readouterr()
    assert captured.err == captured.out == ""


@pytest.mark.parametrize(
    "data",
    [JPEG + bytes(100), JPEG[:-2] + bytes(9) + JPEG[-2:], JPEG[:2] + b"\xff\xff" + JPEG[2:],
     PNG + b"trailing"],
    ids=["zeros after the end", "zeros before the end marker", "fill bytes", "bytes after a PNG"],
)  # fmt: skip
def test_harmless_padding_is_accepted_without_output(
    data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    assert close(decode(compressed(data)), RGB)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "length"),
        (b"GIF89a" + bytes(40), "codec"),
        (bytes(1000), "codec"),
        (encode(RGB, "BMP"), "codec"),
        (encode(RGB, "JPEG", "CMYK"), "codec"),
    ],
)
def test_data_that_are_not_jpeg_or_png_of_a_camera_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ImageFormatError) as caught:
        decode(compressed(data))
    assert caught.value.reason == reason


def no_decoding(*_: object) -> None:
    pytest.fail("it was decoded")


def test_decompression_bomb_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imdecode", no_decoding)
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    bomb = chunk(b"IDAT", zlib.compress(bytes(2501 * 20_000), 9))
    with pytest.raises(ImageFormatError, match="largest image decoded"):
        decode(compressed(png(chunk(b"IHDR", header), bomb), "png"))


@pytest.mark.parametrize("side", [7000, 65535, 2**31 - 1])
@pytest.mark.parametrize("kind", ["baseline", "progressive", "png"])
def test_a_file_too_short_for_its_size_is_not_decoded(
    kind: str, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "png":
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        data = png(chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(10**6))))
    else:
        side = min(side, 65535)
        data = encode(RGB, "JPEG", progressive=kind == "progressive")
        at = data.index(b"\xff\xc2" if kind == "progressive" else b"\xff\xc0") + 5
        data = data[:at] + struct.pack(">HH", side, side) + data[at + 4 :]
    monkeypatch.setattr(cv2, "imdecode", no_decoding)
    with pytest.raises(ImageFormatError, match=f"cannot hold {side}x{side} pixels") as caught:
        decode(compressed(data))
    assert caught.value.reason == "damaged"


@pytest.mark.parametrize("sampling", [0x411111, 0x221111, 0x111111])
@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("shape", [(3000, 4000, 3), (3000, 4000)])
def test_jpegs_of_one_color_are_not_too_short(
    shape: tuple[int, ...], progressive: int, sampling: int
) -> None:
    options = [cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive,
               cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]  # fmt: skip
    data = cv2.imencode(".jpg", np.full(shape, 128, np.uint8), options)[1].tobytes()
    assert jpeg.read_structure(data).width == 4000
    if progressive:
        assert decode(compressed(data)).shape == (3000, 4000, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_pngs_of_one_color_are_not_too_short(mode: str) -> None:
    black = np.zeros((3000, 4000), np.uint8)
    data = encode(black, "PNG", mode, compress_level=9)
    assert decode(compressed(data, "png")).shape == (3000, 4000, 3)


def test_compressed_data_may_be_in_any_container() -> None:
    for data in (bytearray(PNG), memoryview(PNG), list(PNG), np.frombuffer(PNG, np.uint8)):
        assert np.array_equal(decode(compressed(data, "png")), RGB)  # type: ignore[arg-type]


def test_lines_of_other_threads_on_stderr_are_passed_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def write() -> int:
        os.write(2, b"Corrupt JPEG data: premature end of data segment\nhello from the node\n")
        return 5

    result, lines = codec_warnings.capture(write)
    assert result == 5
    assert lines == [b"Corrupt JPEG data: premature end of data segment\n"]
    assert capfd.readouterr().err == "hello from the node\n"


def test_stderr_is_restored_when_decoding_raises(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        codec_warnings.capture(lambda: 1 / 0)
    os.write(2, b"restored\n")
    assert capfd.readouterr().err == "restored\n"


def test_many_threads_leak_no_file_descriptors() -> None:
    before = len(os.listdir("/proc/self/fd"))

    def work() -> None:
        for _ in range(20):
            decode(compressed(JPEG))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(os.listdir("/proc/self/fd")) == before


@settings(max_examples=150, deadline=None)
@given(
    source=st.sampled_from([JPEG, PNG]),
    place=st.integers(0, 10**6),
    value=st.integers(0, 255),
    count=st.integers(1, 4),
    keep=st.floats(0.3, 1.0),
)
def test_any_damage_gives_pixels_or_image_format_error(
    source: bytes, place: int, value: int, count: int, keep: float
) -> None:
    data = bytearray(source)
    place %= len(data)
    data[place : place + count] = bytes([value]) * count
    try:
        rgb = decode(compressed(bytes(data[: int(len(data) * keep)])))
    except ImageFormatError:
        return
    assert rgb.dtype == np.uint8
    assert rgb.shape[2:] == (3,)
