"""A message that contradicts itself raises ImageFormatError, and nothing else."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

import image_oracle as oracle
import numpy as np
import pytest

from wm_planner.images import ImageFormatError, decode, planes


def rgb8(**changes: Any) -> SimpleNamespace:
    """A good 4x6 rgb8 message with some fields changed."""
    message = oracle.make("rgb8", 4, 6).message(container="bytes")
    for name, value in changes.items():
        setattr(message, name, value)
    return message


class Hostile:
    """A message whose fields raise."""

    encoding = "rgb8"
    height = width = 4
    step = 12

    @property
    def data(self) -> bytes:
        raise KeyError("data")


class HostileEncoding:
    """A message whose encoding raises."""

    @property
    def encoding(self) -> str:
        raise RuntimeError("encoding")


MALFORMED: dict[str, tuple[object, str]] = {
    "not a message": (object(), "message"),
    "None": (None, "message"),
    "a string": ("rgb8", "message"),
    "fields raise": (Hostile(), "data"),
    "encoding raises": (HostileEncoding(), "message"),
    "no fields but the name": (SimpleNamespace(encoding="rgb8"), "message"),
    "encoding is bytes": (rgb8(encoding=b"rgb8"), "message"),
    "encoding is empty": (rgb8(encoding=""), "encoding"),
    "encoding is unknown": (rgb8(encoding="rbg8"), "encoding"),
    "encoding is long": (rgb8(encoding="x" * 256), "encoding"),
    "encoding is very long": (rgb8(encoding="x" * 10**6), "message"),
    "a generic encoding is very long": (rgb8(encoding="8UC" + "1" * 10**6), "message"),
    "format is very long": (SimpleNamespace(format="rgb8; " + "a " * 10**6, data=b"x"), "message"),
    "encoding has a null byte": (rgb8(encoding="rgb8\0"), "encoding"),
    "8SC3": (rgb8(encoding="8SC3"), "encoding"),
    "32FC2 flow": (rgb8(encoding="32FC2"), "encoding"),
    "32SC1 labels": (rgb8(encoding="32SC1"), "labels"),
    "height 0": (rgb8(height=0), "size"),
    "width 0": (rgb8(width=0), "size"),
    "everything 0": (rgb8(height=0, width=0, step=0, data=b""), "size"),
    "height negative": (rgb8(height=-1), "message"),
    "height a float": (rgb8(height=4.0), "message"),
    "height a bool": (rgb8(height=True), "message"),
    "height a string": (rgb8(height="4"), "message"),
    "height None": (rgb8(height=None), "message"),
    "height NaN": (rgb8(height=float("nan")), "message"),
    "height beyond uint32": (rgb8(height=2**32), "message"),
    "height of 10000 digits": (rgb8(height=10**10000), "message"),
    "sizes at the uint32 limit": (rgb8(height=2**32 - 1, width=2**32 - 1, step=2**32 - 1), "size"),
    "a billion rows": (rgb8(height=10**9), "size"),
    "step shorter than a row": (rgb8(step=17), "step"),
    "step 1": (rgb8(step=1), "step"),
    "step too long": (rgb8(step=19), "length"),
    "step at the uint32 limit": (rgb8(step=2**32 - 1), "length"),
    "width larger than the step": (rgb8(width=7), "step"),
    "data one byte short": (rgb8(data=bytes(71)), "length"),
    "data one byte long": (rgb8(data=bytes(73)), "length"),
    "data one row long": (rgb8(data=bytes(90)), "length"),
    "data empty": (rgb8(data=b""), "length"),
    "data ends inside the last padding": (rgb8(step=20, data=bytes(79)), "length"),
    "step 0 and data not tight": (rgb8(step=0, data=bytes(80)), "length"),
    "data None": (rgb8(data=None), "data"),
    "data a number": (rgb8(data=72), "data"),
    "data a string": (rgb8(data="x" * 72), "data"),
    "data of floats": (rgb8(data=[0.5] * 72), "data"),
    "data beyond a byte": (rgb8(data=[256] * 72), "data"),
    "data negative": (rgb8(data=[-1] * 72), "data"),
    "data of None": (rgb8(data=[None] * 72), "data"),
    "data of 16-bit items": (rgb8(data=np.zeros(72, np.uint16)), "data"),
    "data of objects": (rgb8(data=np.array([object()] * 72)), "data"),
    "data a dict": (rgb8(data={}), "data"),
    "byte order 2": (
        SimpleNamespace(height=1, width=1, encoding="mono16", is_bigendian=2, step=2, data=b"ab"),
        "byte_order",
    ),
    "byte order missing": (
        SimpleNamespace(height=1, width=1, encoding="mono16", step=2, data=b"ab"),
        "byte_order",
    ),
    "16-bit row in 8-bit data": (rgb8(encoding="rgb16"), "step"),
    "nv12 without chroma": (rgb8(encoding="nv12", step=6, data=bytes(24)), "length"),
    "nv24 with nv12 data": (rgb8(encoding="nv24", step=6, data=bytes(36)), "length"),
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.usefixtures("either_conversion")
def test_malformed_message_raises_image_format_error_with_its_reason(name: str) -> None:
    message, reason = MALFORMED[name]
    with pytest.raises(ImageFormatError) as caught:
        decode(message, topic="/camera")
    assert caught.value.reason == reason
    assert caught.value.topic == "/camera"
    assert "/camera" in str(caught.value)
    assert len(str(caught.value)) < 500
    assert caught.value.remedy


def test_error_has_every_fact_of_the_message() -> None:
    with pytest.raises(ImageFormatError) as caught:
        decode(rgb8(data=bytes(71)), topic="/camera")
    error = caught.value
    facts = (error.topic, error.encoding, error.height, error.width, error.step, error.length)
    assert facts == ("/camera", "rgb8", 4, 6, 18, 71)
    for part in ("6x4", "step 18", "71 bytes", "1 bytes short of 72"):
        assert part in str(error)


def test_error_survives_pickling_between_processes() -> None:
    with pytest.raises(ImageFormatError) as caught:
        decode(rgb8(step=1), topic="/camera")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert vars(copy) == vars(caught.value)


def test_key_depends_on_the_fault_and_not_on_the_frame() -> None:
    keys = []
    for message in (rgb8(data=bytes(71)), rgb8(data=bytes(70)), rgb8(step=1)):
        with pytest.raises(ImageFormatError) as caught:
            decode(message, topic="/camera")
        keys.append(caught.value.key)
    assert keys[0] == keys[1] != keys[2]


def test_unknown_name_suggests_the_nearest_known_one() -> None:
    with pytest.raises(ImageFormatError, match="Did the driver mean rgb8"):
        decode(rgb8(encoding="rbg8"))


@pytest.mark.usefixtures("own_conversion")
def test_any_exception_of_the_conversion_becomes_an_image_format_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("wm_planner.images.color_conversion.to_rgb", broken)
    with pytest.raises(ImageFormatError, match="ZeroDivisionError") as caught:
        decode(rgb8())
    assert caught.value.reason == "conversion"


@pytest.mark.usefixtures("own_conversion")
def test_missing_opencv_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from wm_planner.images import opencv

    opencv.cv2.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    try:
        with pytest.raises(ImageFormatError, match="opencv-python-headless") as caught:
            decode(rgb8(encoding="bgr8"))
    finally:
        opencv.cv2.cache_clear()
    assert caught.value.reason == "opencv"


def test_more_pixels_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planes, "MAX_PIXELS", 24)
    assert decode(rgb8()).shape == (4, 6, 3)
    monkeypatch.setattr(planes, "MAX_PIXELS", 23)
    with pytest.raises(ImageFormatError, match="largest image decoded"):
        decode(rgb8())
