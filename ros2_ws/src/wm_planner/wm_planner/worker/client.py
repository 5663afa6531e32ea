"""The node's side of the worker: starts the process, sends requests, hands over answers.

Nothing here blocks the caller: two threads do the sending and the receiving, because a stopped
process (SIGSTOP, swap) neither reads nor answers.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

from wm_planner.config import Config
from wm_planner.worker.messages import Answer, Failed, Request


class Worker:
    """A process that holds the model and plans.

    Args:
        config: All settings; ``worker.python`` names the interpreter.
        on_answer: Called from a thread of its own with each answer; must only pass it on. When
            the process dies, or the connection breaks, the last answer is a ``Failed`` with
            ``lost`` set; none follows ``close``.
    """

    def __init__(self, config: Config, on_answer: Callable[[Answer], None]) -> None:
        ours, theirs = socket.socketpair()
        python = config.worker.python or sys.executable
        try:
            self._process = subprocess.Popen(
                [python, "-m", "wm_planner.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is the node's to handle
            )
        except OSError as error:
            ours.close()
            raise ValueError(
                f"worker.python '{python}' cannot be run: {error.strerror or error}"
            ) from error
        finally:
            theirs.close()
        self._connection = Connection(ours.detach())
        self._on_answer = on_answer
        self._closed = False
        self._outbox: queue.SimpleQueue[Config | Request | None] = queue.SimpleQueue()
        self._outbox.put(config)
        for target in (self._send_all, self._receive_all):
            threading.Thread(target=target, name=target.__name__, daemon=True).start()

    def send(self, request: Request) -> None:
        """Queue a request; returns at once."""
        self._outbox.put(request)

    def kill(self) -> None:
        """End the process at once; does not wait for it."""
        self._closed = True
        self._outbox.put(None)
        self._process.kill()

    def close(self) -> None:
        """End the process, and wait a little for it to be gone."""
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)

    def _send_all(self) -> None:
        with contextlib.suppress(OSError):  # a broken connection is told by _receive_all
            while (message := self._outbox.get()) is not None:
                self._connection.send(message)

    def _receive_all(self) -> None:
        try:
            while True:
                answer = self._connection.recv()
                if not self._closed:
                    self._on_answer(answer)
        except Exception as error:  # also an answer that cannot be read
            # Reap first, so that the sentence can say how it died.
            try:
                code = self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                code = None
            if not self._closed:
                self._on_answer(Failed(-1, _obituary(code, error), lost=True))
        finally:
            self._connection.close()
            self._process.wait()  # reap it, however long that takes: nobody waits for this thread


def _obituary(code: int | None, error: Exception) -> str:
    """A sentence on how the worker ended."""
    if code is None:
        return f"the planner's process closed its connection ({error!r})"
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (often: out of memory)" if name == "SIGKILL" else ""
        return f"the planner's process was ended by {name}{hint}"
    return f"the planner's process ended with exit code {code}: its output says why"
