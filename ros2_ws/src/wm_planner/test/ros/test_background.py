"""Work beside the callbacks: only the newest item, errors raised, compressed images decoded."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage

from wm_planner.config import ImagesConfig
from wm_planner.ros.background import LatestItemThread
from wm_planner.ros.camera import Camera

SpinUntil = Callable[[Callable[[], bool]], None]
IMAGE = np.zeros((48, 64, 3), np.uint8)
IMAGE[:, 32:] = 200
JPEG = cv2.imencode(".jpg", IMAGE)[1].tobytes()


@pytest.fixture
def node(make_node: Callable[..., Node], executor: SingleThreadedExecutor) -> Node:
    node = make_node("background")
    executor.add_node(node)
    return node


def test_of_the_items_put_during_the_work_only_the_newest_is_processed(
    node: Node, spin_until: SpinUntil, time_limit: float
) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def work(item: int) -> int:
        begun.set()
        assert go_on.wait(time_limit)
        return item

    with contextlib.closing(LatestItemThread(node, work, done.append)) as newest:
        newest.put(0)
        assert begun.wait(time_limit)
        for item in range(1, 5):
            newest.put(item)
        go_on.set()
        spin_until(lambda: len(done) == 2)
    assert done == [0, 4]


def test_after_close_nothing_is_started_or_delivered(
    node: Node, spin_until: SpinUntil, time_limit: float
) -> None:
    begun, go_on, worked, done = threading.Event(), threading.Event(), [], []

    def work(item: int) -> int:
        worked.append(item)
        begun.set()
        assert go_on.wait(time_limit)
        return item

    newest = LatestItemThread(node, work, done.append)
    newest.put(0)
    assert begun.wait(time_limit)
    newest.put(1)
    end = threading.Thread(target=newest.close, daemon=True)
    end.start()
    spin_until(lambda: not newest._open)
    go_on.set()
    end.join(time_limit)
    assert not end.is_alive()
    newest.put(2)
    later: list[int] = []
    with contextlib.closing(LatestItemThread(node, lambda item: item, later.append)) as other:
        other.put(3)
        spin_until(lambda: later == [3])  # earlier results would have been delivered before
    assert (worked, done) == ([0], [])


def test_a_bug_in_the_work_is_raised_in_the_executor(node: Node, spin_until: SpinUntil) -> None:
    work: Callable[[Any], Any] = lambda item: item["missing"]  # noqa: E731
    with contextlib.closing(LatestItemThread(node, work, lambda result: None)) as newest:
        newest.put({})
        with pytest.raises(KeyError, match="missing"):
            spin_until(lambda: False)


def test_compressed_images_are_decoded_and_bad_ones_reported(
    node: Node, spin_until: SpinUntil, matched: Callable[..., bool]
) -> None:
    received: list[Any] = []
    config = ImagesConfig(transport="compressed", reliability="reliable")
    camera = Camera(node, config, 1.0, lambda: received.append(camera.images.newest_first()[0]))
    with contextlib.closing(camera):
        publisher = node.create_publisher(CompressedImage, "image/compressed", 1)
        spin_until(lambda: matched(node))
        publisher.publish(CompressedImage(format="jpeg", data=JPEG))
        spin_until(lambda: len(received) == 1)
        np.testing.assert_allclose(received[0][1].astype(int), IMAGE, atol=12)
        assert camera.shape == (48, 64)
        publisher.publish(CompressedImage(format="jpeg", data=JPEG[:100]))
        spin_until(lambda: camera.dropped == 1)
        assert "/image/compressed" in camera.problem
        assert (camera.received, len(received)) == (2, 1)
