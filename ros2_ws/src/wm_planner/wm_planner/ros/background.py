"""Threads for slow work, such as reading files and decoding large images."""

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
MAX_WAITING = 8  # requests; each may hold large images


class BackgroundThread:
    """Runs functions one after another in a thread, so that callbacks are not delayed.

    A coroutine occupies its callback group until it ends, so callbacks that await ``run`` must be
    in a reentrant group.

    Args:
        node: Its executor resumes the awaiting coroutine.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._waiting = 0
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        # A daemon, so that a file system that hangs does not keep the process from ending.
        threading.Thread(target=self._run, name="requests", daemon=True).start()

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return what the function returns; raise what it raises.

        Raises:
            Refused: Too many requests are waiting already.
        """
        if self._waiting >= MAX_WAITING:
            raise Refused(
                ErrorCode.PREEMPTED,
                f"{self._waiting} requests are waiting for their images to be read: wait for their "
                "answers, and check that the file system of the goal files responds",
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


class LatestItemThread:
    """Processes the newest item in a thread; older items that are waiting are dropped.

    Args:
        node: Its executor calls ``on_done``.
        work: Turns an item into a result, in the thread.
        on_done: Called with each result.
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
        """End the thread; no result is delivered afterward."""
        self._open = False
        self._wanted.release()
        self._thread.join()  # the thread uses the guard condition
        self._node.destroy_guard_condition(self._guard)

    def _run(self) -> None:
        while True:
            self._wanted.acquire()
            if not self._open:
                return
            try:
                item = self._items.pop()
            except IndexError:
                continue  # a newer item replaced it
            try:
                self._results.put((self._do(item), None))
            except Exception as error:  # a bug: raise it in the executor's thread
                self._results.put((None, error))
            self._guard.trigger()

    def _deliver(self) -> None:
        while not self._results.empty():
            result, error = self._results.get()
            if error is not None:
                raise error
            self._on_done(result)
