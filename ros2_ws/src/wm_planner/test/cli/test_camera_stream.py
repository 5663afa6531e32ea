"""The doctor on a stream of camera messages, without ROS."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wm_planner.config import Config
from wm_planner.diagnosis.camera_examiner import CameraExaminer
from wm_planner.diagnosis.camera_stream import CameraStream
from wm_planner.diagnosis.check_result import Result
from wm_planner.models import ModelSpec

Doctor = Callable[..., tuple[int, dict[str, Any]]]
PERIOD = 0.1  # [s]


@pytest.fixture
def stream(camera_spec: ModelSpec) -> CameraStream:
    return CameraStream("/camera", CameraExaminer(camera_spec, Config()))


def _message(rgb: NDArray[np.uint8], encoding: str = "rgb8") -> Any:
    height, width = rgb.shape[:2]
    return SimpleNamespace(
        height=height, width=width, encoding=encoding, is_bigendian=0, step=3 * width,
        data=rgb.tobytes(),
    )  # fmt: skip


def _feed(
    stream: CameraStream, images: list[NDArray[np.uint8]], age: float = 0.02, encoding: str = "rgb8"
) -> dict[str, Result]:
    for i, image in enumerate(images):
        now = 100 + i * PERIOD
        stream.add(_message(image, encoding), now - age, now, i * PERIOD)
    return {r.name: r for r in stream.results() if r.verdict != "ok"}


def _changing(image: NDArray[np.uint8], count: int = 20) -> list[NDArray[np.uint8]]:
    return [np.roll(image, i, axis=1) for i in range(count)]


def test_a_good_stream_has_facts_and_no_findings(
    stream: CameraStream, image: NDArray[np.uint8]
) -> None:
    assert _feed(stream, _changing(image)) == {}
    facts = stream.facts()
    assert facts["kinds"] == ["'rgb8'  128x96  step 384  (20)"]
    assert facts["rate"] == "10.0 Hz (10.0 Hz by the stamps)"
    assert facts["stamp age"].startswith("0.020 s")


def test_a_repeated_image_only_warns_and_names_the_simulator(
    stream: CameraStream, image: NDArray[np.uint8]
) -> None:
    found = _feed(stream, [image] * 20)
    assert list(found) == ["frozen"]
    assert found["frozen"].verdict == "warn"
    assert "simulator renders a still scene" in found["frozen"].sentence


def test_each_refusal_is_one_result_with_its_count(
    stream: CameraStream, image: NDArray[np.uint8]
) -> None:
    found = _feed(stream, _changing(image, 5), encoding="8UC3")
    assert found["refused"].verdict == "stop"
    assert found["refused"].sentence.startswith("5 of 5: image on /camera (encoding '8UC3'")
    found = _feed(stream, _changing(image, 5))
    assert found["refused"].verdict == "warn"
    assert found["refused"].sentence.startswith("5 of 10: ")


@pytest.mark.parametrize(("age", "words"), [(2.0, "2.00 s old"), (-5.0, "stamped 5.00 s ahead")])
def test_another_clock_stops(
    stream: CameraStream, image: NDArray[np.uint8], age: float, words: str
) -> None:
    found = _feed(stream, _changing(image), age)
    assert found["stamp_age"].verdict == "stop"
    assert words in found["stamp_age"].sentence


def test_missing_and_equal_stamps_are_results(
    camera_spec: ModelSpec, image: NDArray[np.uint8]
) -> None:
    for stamp, name, verdict in ((0.0, "stamp_age", "warn"), (99.9, "stamps", "stop")):
        stream = CameraStream("/camera", CameraExaminer(camera_spec, Config()))
        for i, shown in enumerate(_changing(image, 3)):
            stream.add(_message(shown), stamp, 100.0, i * PERIOD)
        found = {r.name: r.verdict for r in stream.results() if r.verdict != "ok"}
        assert found == {name: verdict}


def test_a_slow_camera_warns(stream: CameraStream, image: NDArray[np.uint8]) -> None:
    for i, shown in enumerate(_changing(image, 4)):  # 1 Hz; the model takes 5 steps a second
        stream.add(_message(shown), 100.0 + i, 100.0 + i, float(i))
    assert [r.name for r in stream.results() if r.verdict == "warn"] == ["rate"]


def test_missing_ros_is_a_result(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rclpy", None)
    code, report = doctor("--topic", "/camera")
    assert code == 2
    assert "ROS 2 cannot be imported" in report["sections"][-1]["findings"][0]["sentence"]


def _jpeg(rgb: NDArray[np.uint8], form: str = "jpeg", stray: bytes = b"") -> Any:
    data = cv2.imencode(".jpg", rgb[..., ::-1] if rgb.ndim == 3 else rgb)[1].tobytes()
    return SimpleNamespace(format=form, data=data[:-2] + stray + data[-2:])


@pytest.mark.parametrize(
    ("gray", "form"),
    [(False, "jpeg"), (True, "yuv422_yuy2; jpeg compressed mono8"), (True, "jpeg")],
)
def test_gray_jpegs_stop_a_model_trained_on_color(
    stream: CameraStream, image: NDArray[np.uint8], gray: bool, form: str
) -> None:
    for i, shown in enumerate(_changing(image)):
        message = _jpeg(shown.mean(axis=2).astype(np.uint8) if gray else shown, form)
        stream.add(message, 100 + i * PERIOD, 100 + i * PERIOD, i * PERIOD)
    found = {r.name: r.verdict for r in stream.results() if r.verdict == "stop"}
    assert found == ({"gray": "stop"} if gray else {})


@pytest.mark.parametrize("stray", [b"\x5c", b"\x5c" * 20])
def test_irregular_jpegs_are_used_and_told_once(
    stream: CameraStream, image: NDArray[np.uint8], stray: bytes
) -> None:
    for i, shown in enumerate(_changing(image)):
        stream.add(_jpeg(shown, stray=stray), 100 + i * PERIOD, 100 + i * PERIOD, i * PERIOD)
    (found,) = (r for r in stream.results() if r.verdict != "ok")
    assert (found.name, found.verdict) == ("irregular", "warn")
    assert f"{len(stray)} bytes before restart or end markers" in found.sentence
