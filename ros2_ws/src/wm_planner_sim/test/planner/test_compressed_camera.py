"""A camera whose JPEGs are irregular or gray, with the planner as a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal

from wm_planner_sim.client.processes import start_planner
from wm_planner_sim.simulator import seeds

pytestmark = pytest.mark.dds
SEED = seeds.EVALUATION[2100]
LONG = 600.0  # [s] a timeout that no test waits for
RESTART = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_RST_INTERVAL, 10]
Spoil = Callable[[bytes], bytes]


def _pixels(image: Image) -> np.ndarray:
    rgb = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
    return np.ascontiguousarray(rgb[..., ::-1])


def _stray_bytes(data: bytes) -> bytes:
    """Put a byte before every restart marker and before the end marker."""
    start = data.index(b"\xff\xda")
    coded = data[start:]
    for marker in (*range(0xD0, 0xD8), 0xD9):
        coded = coded.replace(bytes((0xFF, marker)), bytes((0x5C, 0xFF, marker)))
    return data[:start] + coded


def _halved(data: bytes) -> bytes:
    return data[: len(data) // 2] + data[-2:]


class _Camera:
    """Relays the simulator's images as JPEGs."""

    def __init__(self, watcher: Any) -> None:
        self._publisher = watcher.create_publisher(CompressedImage, "image/compressed", 10)
        self.spoil: Spoil = bytes
        self.gray, self.format = False, "jpeg"

    def show(self, image: Image) -> None:
        pixels = _pixels(image)
        if self.gray:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        data = self.spoil(cv2.imencode(".jpg", pixels, RESTART)[1].tobytes())
        self._publisher.publish(CompressedImage(header=image.header, format=self.format, data=data))


@pytest.fixture(scope="module")
def packed_planner(simulator: Any, watch: Any, patient: tuple[str, ...]) -> Iterator[Any]:
    planner = start_planner(
        *patient,
        "commands.other_publisher:=warn",  # the planner of the other tests
        "images.transport:=compressed",
        name="packed_planner",
    )
    with planner, watch("packed_planner") as node:
        node.camera = _Camera(node)
        node.on_image = node.camera.show
        node.wait_active()
        yield node


def _begin(client: Any) -> Any:
    client.reset(SEED)
    goal, _ = client.sample_goal(SEED)
    client.commands.clear()
    return client.send(ReachGoal.Goal(goal=Goal(images=[goal])), LONG)


def test_regular_jpegs_then_damaged_then_irregular_then_gray_ones(packed_planner: Any) -> None:
    client, camera = packed_planner, packed_planner.camera

    def told(words: str) -> bool:
        return words in " ".join(client.status.warnings)

    client.spin_until(lambda: client.status.inputs_ready)
    assert not told("irregular")

    camera.spoil = _halved
    client.spin_until(lambda: told("the image is damaged"))
    client.spin_until(lambda: not client.status.inputs_ready)

    camera.spoil = _stray_bytes
    client.spin_until(lambda: client.status.inputs_ready)
    client.spin_until(lambda: told("/image/compressed: the camera's JPEGs are irregular"))
    assert not told("the image is damaged")
    result = client.result(_begin(client)).result
    assert result.error_code == ReachGoal.Result.NONE, result.error_msg

    camera.spoil = bytes
    client.spin_until(lambda: not told("irregular"))

    camera.gray = True
    camera.format = "yuv422_yuy2; jpeg compressed mono8"
    client.spin_until(lambda: told("The image is gray"))
    result = client.result(_begin(client)).result
    assert result.error_code == ReachGoal.Result.CAMERA_CONTRACT
    assert result.error_msg.startswith("gray (0): The image is gray")
    assert client.commands == []
