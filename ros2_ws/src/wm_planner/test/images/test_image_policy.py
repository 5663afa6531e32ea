"""A message that needs a declaration is refused until the policy makes it."""

from __future__ import annotations

from typing import Any

import image_oracle as oracle
import numpy as np
import pytest

from wm_planner.config import ImagesConfig
from wm_planner.images import ImageFormatError, ImagePolicy, decode


@pytest.mark.parametrize(
    "setting",
    [
        {"generic_color_order": "RGB"},
        {"generic_color_order": "rgba"},
        {"float_range": "[0,2]"},
        {"float_range": (0, 2)},
        {"float_range": (0, 1, 2)},
        {"float_range": 1.0},
        {"bit_depth": 7},
        {"bit_depth": 17},
        {"bit_depth": 12.0},
        {"bit_depth": True},
        {"bit_depth": "12"},
        {"generic_color_order": None},
        {"float_range": ""},
        {"bit_depth": None},
    ],
)
def test_policy_refuses_invalid_values(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        ImagePolicy(**setting)


def test_policy_is_what_the_settings_declare() -> None:
    assert ImagePolicy.from_config(ImagesConfig()) == ImagePolicy()
    config = ImagesConfig(generic_color_order="bgr", float_range="[0,255]", bit_depth=12)
    assert ImagePolicy.from_config(config) == ImagePolicy("bgr", "[0,255]", 12)


@pytest.mark.parametrize(
    ("encoding", "reason"),
    [
        ("8UC3", "generic_color_order"),
        ("8UC4", "generic_color_order"),
        ("16UC1", "bit_depth"),
        ("16UC3", "bit_depth"),
        ("32FC1", "float_range"),
        ("32FC3", "float_range"),
        ("64FC1", "float_range"),
        ("64FC3", "float_range"),
    ],
)
def test_undeclared_encoding_is_refused_and_the_error_names_the_setting(
    encoding: str, reason: str
) -> None:
    with pytest.raises(ImageFormatError, match=reason) as caught:
        decode(oracle.make(encoding, 4, 4).message())
    assert caught.value.reason == reason


@pytest.mark.parametrize("encoding", ["16UC3", "32FC3", "64FC3"])
def test_generic_color_needs_its_order_and_its_range(encoding: str) -> None:
    policy = ImagePolicy(bit_depth=16, float_range="[0,1]")
    with pytest.raises(ImageFormatError, match="generic_color_order"):
        decode(oracle.make(encoding, 4, 4).message(), policy)


@pytest.mark.parametrize("encoding", ["8UC3", "8UC4", "16UC3", "32FC3", "64FC3"])
def test_declared_bgr_exchanges_red_and_blue(encoding: str) -> None:
    message = oracle.make(encoding, 4, 4).message()
    rgb, bgr = (
        decode(message, ImagePolicy(generic_color_order=o, bit_depth=16, float_range="[0,1]"))
        for o in ("rgb", "bgr")
    )
    assert np.array_equal(rgb, bgr[..., ::-1])
    assert not np.array_equal(rgb, bgr)


@pytest.mark.parametrize("bits", range(8, 17))
@pytest.mark.parametrize("encoding", ["mono16", "rgb16", "bgra16", "16UC1"])
def test_declared_bit_depth_fills_the_8_bit_range(encoding: str, bits: int) -> None:
    image = oracle.make("mono16", 4, 4)
    full = 2**bits - 1
    values = np.array([[0, full // 3, full // 2, full]] * 4, dtype=np.uint16)
    channels = {"rgb16": 3, "bgra16": 4}.get(encoding, 1)
    message = image.message()
    message.encoding, message.step = encoding, 0
    message.data = np.repeat(values, channels, axis=1).astype("<u2").tobytes()
    rgb = decode(message, ImagePolicy(bit_depth=bits))
    assert np.array_equal(rgb[0, :, 0], np.rint(values[0] * (255 / full)))


def test_declared_bit_depth_holds_for_bayer_patterns_too() -> None:
    message = oracle.make("bayer_rggb16", 4, 4).message()
    message.data = np.full((4, 4), 4095, dtype="<u2").tobytes()
    assert (decode(message, ImagePolicy(bit_depth=12)) == 255).all()


def test_value_beyond_the_declared_bit_depth_is_refused_not_clipped() -> None:
    message = oracle.make("mono16", 4, 4).message()
    with pytest.raises(ImageFormatError, match="does not fit the declared bit_depth of 12"):
        decode(message, ImagePolicy(bit_depth=12))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.5, 1.5, 300.0])
@pytest.mark.parametrize("encoding", ["32FC1", "32FC3", "64FC3"])
def test_float_outside_the_declared_range_is_refused(encoding: str, value: float) -> None:
    image = oracle.make(encoding, 4, 4)
    image.planes[0][1, 2] = value
    policy = ImagePolicy(float_range="[0,1]", generic_color_order="rgb")
    with pytest.raises(ImageFormatError, match="do not lie in the declared"):
        decode(image.message(), policy)


def test_rounding_noise_around_the_float_range_is_clipped() -> None:
    image = oracle.make("32FC1", 1, 2)
    image.planes[0][:] = [[-0.0005, 1.0005]]
    rgb = decode(image.message(), ImagePolicy(float_range="[0,1]"))
    assert rgb[0, :, 0].tolist() == [0, 255]


def test_float_range_of_255_is_not_scaled() -> None:
    image = oracle.make("32FC1", 1, 3)
    image.planes[0][:] = [[0.0, 99.6, 255.0]]
    rgb = decode(image.message(), ImagePolicy(float_range="[0,255]"))
    assert rgb[0, :, 0].tolist() == [0, 100, 255]


@pytest.mark.parametrize(
    ("topic", "encoding", "reason"),
    [
        ("/camera/depth/image_rect_raw", "16UC1", "depth"),
        ("/camera/depth/image_rect_raw", "mono16", "depth"),
        ("/camera/aligned_depth_to_color/image_raw", "16UC1", "depth"),
        ("/depth", "32FC1", "depth"),
        ("/stereo/disparity", "32FC1", "depth"),
        ("/semantic_segmentation", "8UC1", "labels"),
    ],
)
def test_depth_and_label_topics_are_refused_even_when_all_is_declared(
    topic: str, encoding: str, reason: str
) -> None:
    policy = ImagePolicy(bit_depth=16, float_range="[0,1]", generic_color_order="rgb")
    message = oracle.make(encoding, 4, 4).message()
    with pytest.raises(ImageFormatError, match="color topic") as caught:
        decode(message, policy, topic)
    assert caught.value.reason == reason
    assert decode(message, policy, "/camera/infra").shape == (4, 4, 3)


@pytest.mark.parametrize("encoding", ["rgb8", "mono8"])
def test_color_and_8_bit_gray_on_a_topic_with_depth_in_its_name_are_decoded(encoding: str) -> None:
    message = oracle.make(encoding, 4, 4).message()
    assert decode(message, topic="/depth_camera/infra").shape == (4, 4, 3)
