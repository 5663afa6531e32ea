"""Every encoding is decoded to the pixels it means, with any layout of its bytes."""

from __future__ import annotations

import image_oracle as oracle
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wm_planner.images import ImageFormatError, ImagePolicy, decode
from wm_planner.images.encodings import ENCODINGS

DECLARED = ImagePolicy(generic_color_order="rgb", float_range="[0,1]", bit_depth=16)
EVERY_ENCODING = pytest.mark.parametrize("encoding", oracle.ALL)


@pytest.fixture(autouse=True)
def _own(own_conversion: None) -> None:
    """Test the package's own code; test_image_bridge.py compares it with cv_bridge."""


def test_table_and_oracle_have_the_same_encodings() -> None:
    assert set(ENCODINGS) == {name.lower() for name in oracle.ALL}


@EVERY_ENCODING
@pytest.mark.parametrize(("height", "width"), [(4, 4), (6, 10), (48, 64)])
def test_pixels_are_the_independently_computed_ones(encoding: str, height: int, width: int) -> None:
    image = oracle.make(encoding, height, width)
    assert image.matches(decode(image.message(), DECLARED))


@EVERY_ENCODING
def test_result_is_owned_writable_contiguous_rgb(encoding: str) -> None:
    message = oracle.make(encoding, 6, 8).message(container="bytearray")
    before = bytes(message.data)
    rgb = decode(message, DECLARED)
    assert rgb.dtype == np.uint8
    assert rgb.shape == (6, 8, 3)
    assert rgb.flags.owndata
    assert rgb.flags.writeable
    assert rgb.flags.c_contiguous
    rgb[:] = 7
    assert bytes(message.data) == before


@EVERY_ENCODING
@pytest.mark.parametrize("padding", [1, 2, 3, 5, 64])
@pytest.mark.parametrize("last_row_padded", [True, False])
def test_row_padding_does_not_change_the_pixels(
    encoding: str, padding: int, last_row_padded: bool
) -> None:
    image = oracle.make(encoding, 6, 8)
    message = image.message(padding=padding, last_row_padded=last_row_padded)
    assert np.array_equal(decode(message, DECLARED), decode(image.message(), DECLARED))


@EVERY_ENCODING
def test_step_zero_means_tight_rows(encoding: str) -> None:
    image = oracle.make(encoding, 6, 8)
    assert image.matches(decode(image.message(step_zero=True), DECLARED))


@EVERY_ENCODING
def test_names_may_be_in_any_case(encoding: str) -> None:
    message = oracle.make(encoding, 6, 8).message()
    expected = decode(message, DECLARED)
    for name in (encoding.upper(), encoding.lower(), encoding.title()):
        message.encoding = name
        assert np.array_equal(decode(message, DECLARED), expected)


@EVERY_ENCODING
@pytest.mark.parametrize("container", oracle.CONTAINERS)
def test_data_may_be_in_any_container(encoding: str, container: str) -> None:
    image = oracle.make(encoding, 4, 6)
    assert image.matches(decode(image.message(container=container), DECLARED))


@EVERY_ENCODING
def test_big_endian_values_are_read(encoding: str) -> None:
    image = oracle.make(encoding, 6, 8)
    assert image.matches(decode(image.message(big_endian=True, padding=3), DECLARED))


@settings(max_examples=150, deadline=None)
@given(
    encoding=st.sampled_from(oracle.ALL),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    padding=st.integers(0, 17),
    big_endian=st.booleans(),
    last_row_padded=st.booleans(),
    container=st.sampled_from(sorted(oracle.CONTAINERS)),
    seed=st.integers(0, 9),
)
def test_any_size_padding_order_and_container_gives_the_same_pixels(
    encoding: str,
    height: int,
    width: int,
    padding: int,
    big_endian: bool,
    last_row_padded: bool,
    container: str,
    seed: int,
) -> None:
    row = ENCODINGS[encoding.lower()]
    height = max(height - height % row.chroma_block[0], row.chroma_block[0], row.min_side)
    width = max(width - width % row.chroma_block[1], row.chroma_block[1], row.min_side)
    image = oracle.make(encoding, height, width, seed)
    message = image.message(
        padding=padding,
        big_endian=big_endian,
        last_row_padded=last_row_padded,
        container=container,
    )
    assert image.matches(decode(message, DECLARED))


@pytest.mark.parametrize("encoding", ["nv12", "nv21", "nv24"])
def test_step_may_include_the_chroma(encoding: str) -> None:
    image = oracle.make(encoding, 6, 8)
    message = image.message()
    message.step = len(message.data) // message.height
    assert image.matches(decode(message, DECLARED))


@pytest.mark.parametrize(
    ("encoding", "height", "width"),
    [("yuv422", 4, 5), ("yuyv", 4, 5), ("nv12", 5, 4), ("nv12", 4, 5), ("nv21", 5, 5)],
)
def test_odd_sizes_of_subsampled_color_are_refused(encoding: str, height: int, width: int) -> None:
    message = oracle.make(encoding, 6, 6).message()
    message.height, message.width, message.step = height, width, 0
    with pytest.raises(ImageFormatError, match="even"):
        decode(message, DECLARED)


@pytest.mark.parametrize(("height", "width"), [(2, 8), (8, 2), (1, 1)])
def test_bayer_patterns_too_small_to_interpolate_are_refused_not_black(
    height: int, width: int
) -> None:
    message = oracle.make("mono8", height, width).message()
    message.encoding = "bayer_rggb8"
    with pytest.raises(ImageFormatError, match="at least 3x3"):
        decode(message, DECLARED)


def test_bayer_pattern_names_the_first_pixel() -> None:
    message = oracle.make("mono8", 8, 8).message(container="ndarray")
    mosaic = np.zeros((8, 8), np.uint8)
    mosaic[::2, ::2] = 200  # red first
    message.data, message.encoding = mosaic.tobytes(), "bayer_rggb8"
    assert decode(message).mean(axis=(0, 1)).tolist() == [200.0, 0.0, 0.0]


def test_every_16_bit_value_is_rounded_to_its_nearest_8_bit_value() -> None:
    values = np.arange(65536, dtype=np.uint16)
    image = oracle.make("mono16", 256, 256)
    message = image.message()
    message.data = values.tobytes()
    assert np.array_equal(decode(message)[..., 0].ravel(), (values.astype(int) + 128) // 257)
