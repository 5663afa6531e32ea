"""What is done beside the callbacks: only the newest, errors told, and compressed pictures so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage

from wm_planner.config import ImagesConfig
from wm_planner.ros.background import Newest
from wm_planner.ros.camera import Camera

PICTURE = np.zeros((48, 64, 3), np.uint8)
PICTURE[:, 32:] = 200
JPEG = cv2.imencode(".jpg", PICTURE)[1].tobytes()


class Bench:
    """A node, and an executor that runs it until something is so."""

    def __init__(self) -> None:
        self.context = Context()
        self.context.init()
        self.node = Node("background", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)

    def until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not done():
            assert time.monotonic() < end
            self.executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def test_what_comes_during_the_work_waits_and_only_the_newest_of_it_is_done(bench: Bench) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def work(item: int) -> int:
        begun.set()
        assert go_on.wait(20)
        return item

    newest = Newest(bench.node, work, done.append)
    newest.put(0)
    assert begun.wait(20)
    for item in range(1, 5):
        newest.put(item)
    go_on.set()
    bench.until(lambda: len(done) == 2)
    assert done == [0, 4]
    newest.close()
    newest.put(5)
    bench.executor.spin_once(timeout_sec=0.1)
    assert done == [0, 4]


def test_a_bug_in_the_work_is_raised_where_the_callbacks_run(bench: Bench) -> None:
    newest = Newest(bench.node, lambda item: item["missing"], lambda result: None)
    newest.put({})
    with pytest.raises(KeyError, match="missing"):
        bench.until(lambda: False)
    newest.close()


def test_compressed_pictures_are_decoded_and_what_is_wrong_with_them_is_said(bench: Bench) -> None:
    came: list[Any] = []
    config = ImagesConfig(transport="compressed", reliability="reliable")
    camera = Camera(bench.node, config, 1.0, lambda: came.append(camera.frames.newest_first()[0]))
    publisher = bench.node.create_publisher(CompressedImage, "image/compressed", 1)
    bench.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(CompressedImage(format="jpeg", data=JPEG))
    bench.until(lambda: len(came) == 1)
    np.testing.assert_allclose(came[0][1].astype(int), PICTURE, atol=12)
    assert camera.shape == (48, 64)
    publisher.publish(CompressedImage(format="jpeg", data=JPEG[:100]))
    bench.until(lambda: camera.dropped == 1)
    assert "/image/compressed" in camera.problem
    assert (camera.received, len(came)) == (2, 1)
    camera.close()
