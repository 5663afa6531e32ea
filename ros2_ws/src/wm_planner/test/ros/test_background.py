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
from wm_planner.control import Refused
from wm_planner.ros.background import MAX_SLOW, BackgroundThread, LatestItemThread
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


@pytest.fixture
def ask(node: Node, executor: SingleThreadedExecutor, spin_until: SpinUntil) -> Any:
    """Run a function in a background thread and wait for the answer."""
    background = BackgroundThread(node, slow=0.05, deadline=0.3)

    def ask(function: Callable[[], Any]) -> Any:
        task = executor.create_task(background.run, function)
        spin_until(task.done)
        return task.result()

    return ask


def test_requests_that_hang_are_refused_and_the_next_ones_are_served(
    node: Node, ask: Any, spin_until: SpinUntil, time_limit: float
) -> None:
    go_on, running = threading.Event(), threading.active_count()
    timers = len(list(node.timers))
    for _ in range(MAX_SLOW):
        with pytest.raises(Refused, match=r"not read within 0\.3 s: check that the file system"):
            ask(lambda: go_on.wait(time_limit))
        _served(ask)
    assert threading.active_count() == running + MAX_SLOW, "one thread more for each that hangs"
    go_on.set()
    spin_until(lambda: threading.active_count() == running)
    _served(ask)
    assert len(list(node.timers)) == timers


def _served(ask: Any) -> None:
    """Ask until a request is served; on a busy machine, one may begin too late."""
    answer = ""
    while answer != "served":
        with contextlib.suppress(Refused):
            answer = ask(lambda: "served")


def test_threads_that_hang_are_bounded(ask: Any, spin_until: SpinUntil, time_limit: float) -> None:
    go_on, running = threading.Event(), threading.active_count()
    for _ in range(2 * MAX_SLOW):
        with pytest.raises(Refused, match="not read within"):
            ask(lambda: go_on.wait(time_limit))
    assert threading.active_count() == running + MAX_SLOW
    go_on.set()
    spin_until(lambda: threading.active_count() <= running)


def test_a_slow_request_delays_no_other_and_is_answered(
    node: Node, executor: SingleThreadedExecutor, spin_until: SpinUntil, time_limit: float
) -> None:
    go_on = threading.Event()
    background = BackgroundThread(node, slow=0.05, deadline=time_limit)
    slow = executor.create_task(background.run, go_on.wait, time_limit)
    other = executor.create_task(background.run, lambda: "served")
    spin_until(other.done)
    assert (other.result(), slow.done()) == ("served", False)
    go_on.set()
    spin_until(slow.done)
    assert slow.result() is True


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
