"""The doctor as a process on live topics; all processes run at once to save time."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wm_planner.models.spec import load_spec

rclpy = pytest.importorskip("rclpy")
from sensor_msgs.msg import CompressedImage, Image  # noqa: E402
from std_msgs.msg import String  # noqa: E402

from wm_planner.ros.qos import sensor_data_qos  # noqa: E402

pytestmark = pytest.mark.dds

MODEL = Path(__file__).parents[3] / "wm_planner_sim" / "models" / "franka_reach"
PERIOD = 0.05  # [s]
SECONDS = "2.5"  # long enough for a few images on a busy machine
KINDS = {"good": Image, "generic": Image, "jpeg/compressed": CompressedImage, "words": String}
QUESTIONS = {
    "good": (MODEL, "--topic", "camera", "--ros-args", "-r", "camera:=/doctor/good"),
    "declared": (MODEL, "--topic", "/doctor/generic", "images.generic_color_order=bgr"),
    "compressed": (MODEL, "--topic", "/doctor/jpeg", "--compressed"),
    "bare": ("--topic", "/doctor/jpeg/compressed"),
    "chosen": ("--topic", "/doctor/jpeg/compressed", "images.transport=raw"),
    "words": ("--topic", "/doctor/words"),
    "missing": ("--topic", "/doctor/missing"),
}


class Answer(NamedTuple):
    """The output of one call."""

    code: int
    section: dict[str, Any]
    findings: dict[str, dict[str, Any]]
    errors: str


@pytest.fixture(scope="module")
def camera() -> Iterator[None]:
    """Publishes the training's colors on every topic of the questions, until the tests end."""
    with contextlib.ExitStack() as ends:
        context = rclpy.Context()
        context.init()
        ends.callback(context.try_shutdown)
        node = rclpy.create_node("doctor_test_camera", context=context)
        ends.callback(node.destroy_node)
        publishers = {
            name: node.create_publisher(kind, f"/doctor/{name}", sensor_data_qos())
            for name, kind in KINDS.items()
        }
        stop = threading.Event()
        thread = threading.Thread(target=_publish, args=(node, publishers, stop))
        thread.start()
        ends.callback(thread.join)
        ends.callback(stop.set)
        yield


def _publish(node: Any, publishers: dict[str, Any], stop: threading.Event) -> None:
    shown = _image_file()
    while not stop.wait(PERIOD):
        shown = np.roll(shown, 1, axis=1)
        messages = {
            "good": _image(shown, "rgb8"),
            "generic": _image(shown, "8UC3"),
            "jpeg/compressed": _jpeg(shown),
            "words": String(data="no image"),
        }
        for name, message in messages.items():
            if hasattr(message, "header"):
                message.header.stamp = node.get_clock().now().to_msg()
            publishers[name].publish(message)


@pytest.fixture(scope="module")
def answers(camera: None, time_limit: float) -> dict[str, Answer]:
    base = [sys.executable, "-m", "wm_planner.cli", "doctor", "--json", "--seconds", SECONDS]
    with contextlib.ExitStack() as ends:
        calls = {}
        for name, words in QUESTIONS.items():
            command, pipe = [*base, *map(str, words)], subprocess.PIPE
            call = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
            calls[name] = ends.enter_context(call)
            ends.callback(call.kill)
        return {name: _answer(call, time_limit) for name, call in calls.items()}


def _answer(call: subprocess.Popen[str], time_limit: float) -> Answer:
    output, errors = call.communicate(timeout=time_limit)
    section = json.loads(output)["sections"][-1]
    return Answer(call.returncode, section, {f["name"]: f for f in section["findings"]}, errors)


def _image_file() -> NDArray[np.uint8]:
    image = load_spec(MODEL).image
    values = np.random.default_rng(0).normal(image.channel_mean, image.channel_std, (96, 128, 3))
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


def _image(rgb: NDArray[np.uint8], encoding: str) -> Any:
    message = Image(height=rgb.shape[0], width=rgb.shape[1], encoding=encoding)
    message.step = 3 * message.width
    message.data = rgb.tobytes()
    return message


def _jpeg(rgb: NDArray[np.uint8]) -> Any:
    _, data = cv2.imencode(".jpg", rgb[..., ::-1])
    return CompressedImage(format="rgb8; jpeg compressed bgr8", data=data.tobytes())


def test_a_sound_best_effort_camera_is_found_under_a_remapped_name(
    answers: dict[str, Answer],
) -> None:
    code, section, findings, errors = answers["good"]
    of_the_load = ("rate", "stamp_age")  # depend on this machine's load
    others = [f for name, f in findings.items() if name not in of_the_load]
    assert [f for f in others if f["verdict"] != "ok"] == []
    assert (code in (0, 1), errors) == (True, "")
    assert section["title"] == "topic /doctor/good (sensor_msgs/msg/Image)"
    assert "doctor_test_camera: BEST_EFFORT" in section["facts"]["publishers"][0]
    assert section["facts"]["listened"] == f"{SECONDS} s, BEST_EFFORT"
    assert section["facts"]["kinds"][0].startswith("'rgb8'  128x96  step 384")
    assert findings.keys() >= {"received", "rate", "stamp_age", "frozen", "channel_swap"}


def test_a_wrong_declaration_exchanges_the_channels(answers: dict[str, Answer]) -> None:
    code, _, findings, _ = answers["declared"]
    assert code == 2
    assert findings["refused"]["verdict"] == "ok"
    assert findings["channel_swap"]["verdict"] == "stop"


def test_compressed_images_are_found_beside_the_raw_topic(answers: dict[str, Answer]) -> None:
    code, section, _, _ = answers["compressed"]
    assert code in (0, 1), section  # 1: this machine is slow
    assert section["title"].startswith("topic /doctor/jpeg/compressed (")
    assert section["facts"]["kinds"][0].startswith("'rgb8; jpeg compressed bgr8'  128x96")


def test_a_topic_that_other_settings_would_read_is_a_fault_only_of_settings_that_are_given(
    answers: dict[str, Answer],
) -> None:
    for name, verdict, codes in (("bare", "warn", (1,)), ("chosen", "stop", (2,))):
        code, _, findings, _ = answers[name]
        assert findings["transport"]["verdict"] == verdict
        assert "set images.transport to compressed" in findings["transport"]["sentence"]
        assert code in codes


def test_a_topic_of_another_type_is_a_result(answers: dict[str, Answer]) -> None:
    code, _, findings, _ = answers["words"]
    assert code == 2
    assert "std_msgs/msg/String, not images" in findings["type"]["sentence"]


def test_a_topic_without_publisher_is_a_result(answers: dict[str, Answer]) -> None:
    code, _, findings, errors = answers["missing"]
    assert code == 2
    assert "no publisher on /doctor/missing" in findings["received"]["sentence"]
    assert "/doctor/good" in findings["received"]["sentence"]
    assert "Traceback" not in errors
