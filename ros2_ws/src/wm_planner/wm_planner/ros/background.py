"""What takes long, done beside the callbacks: files and large images are read in threads."""

from __future__ import annotations

import collections
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from rclpy.node import Node
from rclpy.task import Future

from wm_planner.control import ErrorCode, Refused

T = TypeVar("T")
MAX_WAITING = 8  # each may hold two images


class Background:
    """Does one thing after the other in a thread, while commands go on.

    A coroutine keeps its callback group until it ends: who awaits ``run`` must not share one.

    Args:
        node: Its executor goes on with who waits.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._waiting = 0
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        # A daemon: a file system that hangs does not keep the process from ending.
        threading.Thread(target=self._run, name="requests", daemon=True).start()

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """What the function returns; raises what it raises.

        Raises:
            Refused: Too many wait already.
        """
        if self._waiting >= MAX_WAITING:
            raise Refused(
                ErrorCode.PREEMPTED,
                f"{self._waiting} requests wait for their images to be read: wait for their "
                "answers, and see whether the file system of their files answers",
            )
        executor = self._node.executor
        future = Future(executor=executor)

        def work() -> None:
            try:
                future.set_result(function(*arguments))
            except Exception as error:
                future.set_exception(error)
            if executor is not None:
                executor.wake()

        self._waiting += 1
        try:
            self._work.put(work)
            result: T = await future
        finally:
            self._waiting -= 1
        return result

    def _run(self) -> None:
        while True:
            self._work.get()()


class LatestItemWorker:
    """Works on the newest item in a thread, and leaves out what came before while it worked.

    Args:
        node: Its executor calls ``on_done``.
        work: Makes a result of an item, in the thread.
        on_done: Takes each result.
    """

    def __init__(
        self, node: Node, work: Callable[[Any], Any], on_done: Callable[[Any], None]
    ) -> None:
        self._node, self._do, self._on_done = node, work, on_done
        self._items: collections.deque[Any] = collections.deque(maxlen=1)
        self._results: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._wanted = threading.Semaphore(0)
        self._open = True
        self._guard = node.create_guard_condition(self._deliver)
        self._thread = threading.Thread(target=self._run, name="newest", daemon=True)
        self._thread.start()

    def put(self, item: Any) -> None:
        """Hand over an item."""
        self._items.append(item)
        self._wanted.release()

    def close(self) -> None:
        """Work no more; no result is delivered from now on."""
        self._open = False
        self._wanted.release()
        self._thread.join()  # it holds the guard condition
        self._node.destroy_guard_condition(self._guard)

    def _run(self) -> None:
        while True:
            self._wanted.acquire()
            if not self._open:
                return
            try:
                item = self._items.pop()
            except IndexError:
                continue  # a newer one took its place
            try:
                self._results.put((self._do(item), None))
            except Exception as error:  # a bug, which the executor's thread must know
                self._results.put((None, error))
            self._guard.trigger()

    def _deliver(self) -> None:
        while not self._results.empty():
            result, error = self._results.get()
            if error is not None:
                raise error
            self._on_done(result)
