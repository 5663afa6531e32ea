"""A label that the step or the values contradict is refused; ordinary padding and values pass."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from wm_planner.images import ImageFormatError, ImagePolicy, decode
from wm_planner.images.encodings import ENCODINGS

RANDOM = np.random.default_rng(0)
WIDTHS = [1, 3, 10, 20, 33, 64, 85, 100, 160, 161, 320, 424, 640, 641, 1280, 1920]


def message(encoding: str, width: int, step: int, height: int = 4) -> SimpleNamespace:
    data = RANDOM.bytes(step * height)
    return SimpleNamespace(
        height=height, width=width, encoding=encoding, is_bigendian=0, step=step, data=data
    )


@pytest.mark.parametrize("width", [160, 320, 424, 640, 641, 1280, 1920])
@pytest.mark.parametrize(
    ("label", "bytes_a_pixel"),
    [("mono8", 3), ("mono8", 2), ("mono8", 4), ("rgb8", 4), ("bgr8", 4), ("mono16", 3),
     ("bayer_rggb8", 3), ("bayer_rggb8", 2), ("mono16", 4), ("rgb8", 6), ("yuv422_yuy2", 3)],
)  # fmt: skip
def test_a_step_of_another_pixel_size_is_refused_with_both(
    label: str, bytes_a_pixel: int, width: int
) -> None:
    width += width % 2
    with pytest.raises(ImageFormatError) as caught:
        decode(message(label, width, bytes_a_pixel * width))
    own = ENCODINGS[label].channels * np.dtype(ENCODINGS[label].dtype).itemsize
    assert caught.value.reason == "step"
    assert f"step and data have {bytes_a_pixel} bytes a pixel" in str(caught.value)
    assert f"{label} has {own}" in str(caught.value)


def test_a_padded_step_of_another_pixel_size_is_refused() -> None:
    with pytest.raises(ImageFormatError, match="3 bytes a pixel"):
        decode(message("mono8", 321, 964))


@pytest.mark.parametrize("alignment", [1, 2, 4, 8, 16, 32, 64, 128, 256])
@pytest.mark.parametrize("label", ["mono8", "rgb8", "bgra8", "mono16", "rgb16", "yuv422"])
def test_rows_may_be_padded_to_a_power_of_two(label: str, alignment: int) -> None:
    pixel = ENCODINGS[label].channels * np.dtype(ENCODINGS[label].dtype).itemsize
    for width in WIDTHS:
        width += width % 2
        step = -(-width * pixel // alignment) * alignment
        assert decode(message(label, width, step)).shape == (4, width, 3)


@pytest.mark.parametrize("padding", range(64))
def test_a_little_padding_is_ordinary_whatever_it_is_for(padding: int) -> None:
    for width in (4, 10, 32, 320):
        assert decode(message("mono8", width, width + padding)).shape == (4, width, 3)


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
