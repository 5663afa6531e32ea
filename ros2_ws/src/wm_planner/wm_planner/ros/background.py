"""Threads for slow work, such as reading files and decoding large images."""

from __future__ import annotations

import collections
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future
from rclpy.time import Time

from wm_planner.control import ErrorCode, Refused

T = TypeVar("T")
MAX_WAITING = 8  # requests; each may hold large images
MAX_SLOW = 4  # threads that wait for a file system
SLOW = 1.0  # [s] after which a request no longer holds up the others
DEADLINE = 10.0  # [s] for a request, from when it is made


class BackgroundThread:
    """Runs functions one after another in a thread, so that callbacks are not delayed.

    A function that is slow, because a file system keeps it waiting, is left to its thread, and
    another thread goes on with the next functions.

    A coroutine occupies its callback group until it ends, so callbacks that await ``run`` must be
    in a reentrant group.

    Args:
        node: Its executor resumes the awaiting coroutine, and it carries the deadlines.
        slow: Time after which another thread goes on with the next functions [s].
        deadline: Time for a request [s].
    """

    def __init__(self, node: Node, slow: float = SLOW, deadline: float = DEADLINE) -> None:
        self._node, self._slow_after, self._deadline = node, slow, deadline
        self._clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._waiting = 0
        self._slow: list[_Request] = []
        self._work: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._start()

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return what the function returns; raise what it raises.

        Raises:
            Refused: Too many requests are waiting already, or the deadline has passed. The function
                may still go on.
        """
        if self._waiting >= MAX_WAITING:
            raise Refused(
                ErrorCode.PREEMPTED,
                f"{self._waiting} requests are waiting for their images to be read: wait for their "
                "answers, and check that the file system of the goal files responds",
            )
        request = _Request(partial(function, *arguments), Future(executor=self._node.executor))
        check = partial(self._check, request, self._clock.now())
        timer = self._node.create_timer(self._slow_after, check, clock=self._clock)
        self._waiting += 1
        try:
            self._work.put(request)
            result: T = await request.answer
        finally:
            self._waiting -= 1
            self._node.destroy_timer(timer)
        return result

    def _check(self, request: _Request, since: Time) -> None:
        self._slow = [slow for slow in self._slow if slow.running]
        if len(self._slow) < MAX_SLOW and request.leave_to_its_thread():
            self._slow.append(request)
            self._start()
        if (self._clock.now() - since).nanoseconds > 1e9 * self._deadline and request.give_up():
            request.answer.set_exception(
                Refused(
                    ErrorCode.INVALID_GOAL,
                    f"the request was not read within {self._deadline:g} s: check that the file "
                    "system of the goal files responds",
                )
            )

    def _start(self) -> None:
        # A daemon, so that a file system that hangs does not keep the process from ending.
        threading.Thread(target=self._run, name="requests", daemon=True).start()

    def _run(self) -> None:
        request = None
        while request is None or not request.slow:
            request = self._work.get()
            request.run()
            executor = self._node.executor
            if executor is not None:
                executor.wake()


class _Request:
    """A function to run, and the future of its result.

    Attributes:
        answer: The future.
        running: Whether the function runs.
        slow: Whether its thread was replaced by another one while it ran.
    """

    def __init__(self, function: Callable[[], Any], answer: Future) -> None:
        self._function, self.answer = function, answer
        self._lock, self._open = threading.Lock(), True
        self.running = self.slow = False

    def leave_to_its_thread(self) -> bool:
        """Return True, once, if the function runs; its thread then ends with it."""
        with self._lock:
            replaced = self.running and not self.slow
            self.slow = self.slow or replaced
            return replaced

    def give_up(self) -> bool:
        """Answer no more; return False if the answer is there."""
        with self._lock:
            was_open, self._open = self._open, False
            return was_open

    def run(self) -> None:
        """Run the function and answer, unless the request was given up."""
        with self._lock:
            if not self._open:
                return
            self.running = True
        try:
            answer = partial(self.answer.set_result, self._function())
        except Exception as error:
            answer = partial(self.answer.set_exception, error)
        with self._lock:
            self.running = False
        if self.give_up():
            answer()


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
