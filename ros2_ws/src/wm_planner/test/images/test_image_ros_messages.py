"""ROS 2's message classes are decoded as the stand-ins of the other tests are."""

from __future__ import annotations

import array

import cv2
import image_oracle as oracle
import numpy as np
import pytest

from wm_planner.images import ImageFormatError, ImagePolicy, decode

messages = pytest.importorskip("sensor_msgs.msg")
DECLARED = ImagePolicy(generic_color_order="rgb", float_range="[0,1]", bit_depth=16)


@pytest.mark.parametrize("encoding", oracle.ALL)
def test_sensor_msgs_image_gives_the_expected_pixels(encoding: str) -> None:
    image = oracle.make(encoding, 6, 8)
    fields = vars(image.message(padding=5, big_endian=True))
    assert image.matches(decode(messages.Image(**fields), DECLARED))


def test_sensor_msgs_compressed_image_gives_the_expected_pixels() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    data = array.array("B", cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
    message = messages.CompressedImage(format="rgb8; png compressed bgr8", data=data)
    assert np.array_equal(decode(message), rgb)


def test_empty_messages_are_refused() -> None:
    for message in (messages.Image(), messages.CompressedImage()):
        with pytest.raises(ImageFormatError):
            decode(message)
