"""A label that the step or the values contradict is refused; ordinary padding and values pass."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wm_planner.images import ImageFormatError, ImagePolicy, decode
from wm_planner.images.encodings import ENCODINGS

RANDOM = np.random.default_rng(0)
WIDTHS = [1, 3, 10, 20, 33, 64, 85, 100, 160, 161, 320, 424, 640, 641, 1280, 1920]


def scene(width: int, height: int) -> NDArray[np.uint8]:
    """A colored picture with soft edges and some noise, (height, width, 3)."""
    noise = RANDOM.integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), dtype=np.uint8)
    large = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).astype(int)
    return np.clip(large + RANDOM.integers(-3, 4, large.shape), 0, 255).astype(np.uint8)


def pixels(name: str, width: int, height: int = 24) -> NDArray[np.uint8]:
    """The scene's bytes, (height, width times the bytes of a pixel)."""
    color = scene(width, height)
    luma = color.mean(axis=2).astype(np.uint8)
    rows = {
        "mono8": lambda: luma,
        "rgb8": lambda: color,
        "gray rgb8": lambda: luma[..., None].repeat(3, axis=2),
        "rgba8": lambda: np.dstack([color, np.full_like(luma, 255)]),
        "mono16": lambda: luma * np.uint16(256) + RANDOM.integers(0, 256, luma.shape, np.uint16),
        "rgb16": lambda: color * np.uint16(256) + RANDOM.integers(0, 256, color.shape, np.uint16),
        "yuv422": lambda: np.dstack([color[..., 0], luma]),
        "bayer_rggb8": lambda: np.where(np.arange(width) % 2, luma, luma // 2),
    }
    return np.ascontiguousarray(rows[name]()).view(np.uint8).reshape(height, -1)


def message(label: str, width: int, rows: NDArray[np.uint8], step: int = 0) -> SimpleNamespace:
    """An image whose bytes are ``rows``, with zeros up to ``step``."""
    data = np.pad(rows, ((0, 0), (0, max(0, step - rows.shape[1]))))
    return SimpleNamespace(
        height=len(data), width=width, encoding=label, is_bigendian=0, step=data.shape[1],
        data=data.tobytes(),
    )  # fmt: skip


def pixel_bytes(label: str) -> int:
    return ENCODINGS[label].channels * np.dtype(ENCODINGS[label].dtype).itemsize


@pytest.mark.parametrize("width", [160, 320, 424, 640, 642, 1280, 1920])
@pytest.mark.parametrize(
    ("label", "true"),
    [("mono8", "rgb8"), ("mono8", "gray rgb8"), ("mono8", "mono16"), ("mono8", "rgba8"),
     ("mono8", "yuv422"), ("rgb8", "rgba8"), ("bgr8", "rgba8"), ("mono16", "rgb8"),
     ("bayer_rggb8", "rgb8"), ("mono16", "rgba8"), ("rgb8", "rgb16"), ("yuv422_yuy2", "rgb8")],
)  # fmt: skip
def test_a_step_of_another_pixel_size_is_refused_with_both(
    label: str, true: str, width: int
) -> None:
    rows = pixels(true, width)
    with pytest.raises(ImageFormatError) as caught:
        decode(message(label, width, rows))
    assert caught.value.reason == "step"
    assert f"step and data have {rows.shape[1] // width} bytes a pixel" in str(caught.value)
    assert f"{label} has {pixel_bytes(label)}" in str(caught.value)


def test_a_padded_step_of_another_pixel_size_is_refused() -> None:
    with pytest.raises(ImageFormatError, match="3 bytes a pixel"):
        decode(message("mono8", 321, pixels("rgb8", 321), 964))


@pytest.mark.parametrize("label", ["mono8", "rgb8", "rgba8", "mono16", "yuv422", "bayer_rggb8"])
@pytest.mark.parametrize(("width", "height"), [(320, 240), (240, 320), (480, 240), (640, 24)])
def test_exchanged_height_and_width_are_named(label: str, width: int, height: int) -> None:
    image = message(label, width, pixels(label, width, height))
    assert decode(image).shape == (height, width, 3)
    image.height, image.width = width, height
    with pytest.raises(ImageFormatError, match="height and width are exchanged") as caught:
        decode(image)
    assert f"set width to {width} and height to {height}" in str(caught.value)


@pytest.mark.parametrize("parts", [2, 3, 4])
@pytest.mark.parametrize("label", ["mono8", "rgb8", "rgba8", "mono16", "yuv422", "bayer_rggb8"])
def test_a_part_of_an_image_may_have_the_step_of_the_whole(label: str, parts: int) -> None:
    for width in (160, 320, 480):
        rows = pixels(label, parts * width)
        assert decode(message(label, width, rows)).shape == (24, width, 3)


@pytest.mark.parametrize(
    ("label", "width", "step"),
    [("mono8", 240, 512), ("mono8", 256, 512), ("rgb8", 170, 1024), ("rgb8", 341, 2048),
     ("mono8", 320, 960), ("mono8", 320, 640), ("rgb8", 320, 1280)],
)  # fmt: skip
def test_rows_may_have_any_pitch(label: str, width: int, step: int) -> None:
    assert decode(message(label, width, pixels(label, width), step)).shape == (24, width, 3)
    rest = RANDOM.integers(0, 256, (24, step - width * pixel_bytes(label)), dtype=np.uint8)
    rows = np.hstack([pixels(label, width), rest])
    assert decode(message(label, width, rows)).shape == (24, width, 3)


@pytest.mark.parametrize("alignment", [1, 2, 4, 8, 16, 32, 64, 128, 256])
@pytest.mark.parametrize("label", ["mono8", "rgb8", "bgra8", "mono16", "rgb16", "yuv422"])
def test_rows_may_be_padded_to_a_power_of_two(label: str, alignment: int) -> None:
    pixel = pixel_bytes(label)
    for width in WIDTHS:
        width += width % 2
        step = -(-width * pixel // alignment) * alignment
        rows = RANDOM.integers(0, 256, (4, step), dtype=np.uint8)
        assert decode(message(label, width, rows)).shape == (4, width, 3)


@pytest.mark.parametrize("padding", range(64))
def test_a_little_padding_is_ordinary_whatever_it_is_for(padding: int) -> None:
    for width in (4, 10, 32, 320):
        rows = RANDOM.integers(0, 256, (4, width + padding), dtype=np.uint8)
        assert decode(message("mono8", width, rows)).shape == (4, width, 3)


SIXTEEN = ["mono16", "rgb16", "bgra16", "bayer_rggb16"]


def values(label: str, top: int, *, shift: int = 0, big_endian: bool = False) -> SimpleNamespace:
    """An image whose largest value is ``top``, before its bits are moved up."""
    channels = ENCODINGS[label].channels
    pixels = RANDOM.integers(0, top + 1, (8, 12 * channels)).astype(np.uint16)
    pixels[2:4, 3 : 3 + channels] = top
    if channels == 4:
        pixels[:, 3::4] = 2**16 - 1  # opaque
    data = (pixels << np.uint16(shift)).astype(">u2" if big_endian else "<u2").tobytes()
    return SimpleNamespace(
        height=8, width=12, encoding=label, is_bigendian=int(big_endian), step=24 * channels,
        data=data,
    )  # fmt: skip


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("label", SIXTEEN)
def test_few_bits_at_the_lower_end_must_be_declared(
    label: str, bits: int, big_endian: bool
) -> None:
    for top in (2**bits - 1, 2**bits - 2, int(2**bits * 0.6)):
        shown = values(label, top, big_endian=big_endian)
        with pytest.raises(ImageFormatError, match=f"these are {bits} bits in 16") as caught:
            decode(shown)
        assert caught.value.reason == "bit_depth"
        if label != "bgra16":  # its alpha has more bits, which nobody declares
            assert decode(shown, ImagePolicy(bit_depth=bits)).max() > 120
        decode(shown, ImagePolicy(bit_depth=16))


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("label", SIXTEEN)
def test_bits_at_the_upper_end_need_no_declaration(label: str, bits: int) -> None:
    assert decode(values(label, 2**bits - 1, shift=16 - bits)).max() >= 254
