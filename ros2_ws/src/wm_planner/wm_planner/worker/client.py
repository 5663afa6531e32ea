"""The node's side of the worker: start it, send requests, pass on answers."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Protocol

from wm_planner.config import Config
from wm_planner.explain import explain
from wm_planner.worker.interpreter import (
    foreign_environment,
    named_by,
    python_problem,
    worker_python,
)
from wm_planner.worker.messages import Answer, Failed, Request
from wm_planner.worker.shared import Arena, make_memory
from wm_planner.worker.wire import Wire

OnAnswer = Callable[[Answer], None]


class Worker(Protocol):
    """The holder of the model, which plans; ``make_worker`` starts one.

    ``on_answer`` is called with each answer, perhaps from another thread, and must only pass it on.
    When the worker is lost, the last answer is a ``Failed`` with ``lost`` set. After ``kill`` or
    ``close`` there are no more answers.
    """

    def send(self, request: Request) -> None:
        """Send a request; does not wait for it."""
        ...

    def kill(self) -> None:
        """End the worker at once; does not wait for it."""
        ...

    def close(self) -> None:
        """End the worker, and wait up to a second for it."""
        ...

    @property
    def pid(self) -> int:
        """Id of the process it runs in."""
        ...


def make_worker(config: Config, on_answer: OnAnswer) -> Worker:
    """Start the worker of the configured ``worker.mode``.

    Raises:
        ValueError: The interpreter of the process cannot be run.
    """
    kinds: dict[str, Callable[[Config, OnAnswer], Worker]] = {
        "process": ProcessWorker,
        "thread": ThreadWorker,
        "inline": InlineWorker,
    }
    return kinds[config.worker.mode](config, on_answer)


class ProcessWorker:
    """A worker in a process of its own, run by ``worker_python``.

    Two threads send and receive, so that a stopped process (SIGSTOP, swap), which neither reads nor
    answers, does not block the caller.
    """

    def __init__(self, config: Config, on_answer: OnAnswer) -> None:
        ours, theirs = socket.socketpair()
        memory = make_memory()
        other = worker_python(config.worker.python)
        python = other or sys.executable
        try:
            self._process = subprocess.Popen(
                [python, "-m", "wm_planner.worker_process", str(theirs.fileno()), str(memory)],
                pass_fds=[theirs.fileno(), memory],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # only the node handles Ctrl-C
                env=foreign_environment() if other else None,
            )
        except OSError as error:
            ours.close()
            raise ValueError(
                f"{named_by(config.worker.python)} '{python}' cannot be run: "
                f"{error.strerror or error}; make an environment for it with `make worker`"
            ) from error
        else:
            self._wire = Wire(ours, outgoing=Arena(memory))
        finally:
            theirs.close()
            os.close(memory)
        self._on_answer = on_answer
        self._python = python
        self._named = f"{named_by(config.worker.python)} '{python}'"
        self._closed = False
        self._outbox: queue.SimpleQueue[Config | Request | None] = queue.SimpleQueue()
        self._outbox.put(config)
        for target in (self._send_all, self._receive_all):
            threading.Thread(target=target, name=target.__name__, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, request: Request) -> None:
        self._outbox.put(request)

    def kill(self) -> None:
        self._closed = True
        self._outbox.put(None)
        self._process.kill()

    def close(self) -> None:
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)

    def _send_all(self) -> None:
        with contextlib.suppress(OSError):  # _receive_all reports a broken connection
            while (message := self._outbox.get()) is not None:
                self._wire.send(message)

    def _receive_all(self) -> None:
        answer: Answer | None = None
        try:
            while True:
                answer = self._wire.receive()
                if not self._closed:
                    self._on_answer(answer)
        except Exception as error:  # also an answer that cannot be read
            # Wait for its exit code, which the sentence names.
            try:
                code = self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                code = None
            if not self._closed:
                reason = _exit_reason(code, error)
                if answer is None and code is not None and code >= 0:
                    # It may be no Python, or one that cannot even say what it lacks.
                    problem = python_problem(self._python)
                    reason = f"{self._named} cannot be used: {problem}" if problem else reason
                if not self._closed:  # by now, because that may take long
                    self._on_answer(Failed(-1, reason, lost=True))
        finally:
            self._outbox.put(None)
            self._process.wait()  # reaps it; no other thread waits for this one
            self._wire.close()


class ThreadWorker:
    """A worker in a thread of the node: torch then competes with the node's callbacks.

    A thread cannot be killed; one that hangs is left behind and its answers are ignored.
    """

    def __init__(self, config: Config, on_answer: OnAnswer) -> None:
        self._on_answer = on_answer
        self._closed = False
        self._inbox: queue.SimpleQueue[Config | Request | None] = queue.SimpleQueue()
        self._inbox.put(config)
        self._thread = threading.Thread(target=self._run, name="planner", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        return os.getpid()

    def send(self, request: Request) -> None:
        self._inbox.put(request)

    def kill(self) -> None:
        self._closed = True
        self._inbox.put(None)  # also ends the current plan

    def close(self) -> None:
        self.kill()
        self._thread.join(1.0)

    def _run(self) -> None:
        try:
            from wm_planner.worker.service import serve  # imports torch, unlike other modes

            serve(_Inbox(self._inbox, self._answer))
        except EOFError:
            pass
        except Exception as error:
            reason = explain(error) or repr(error)
            self._answer(Failed(-1, f"the planner's thread ended: {reason}", lost=True))

    def _answer(self, answer: Answer) -> None:
        if not self._closed:
            self._on_answer(answer)


class _Inbox:
    """The thread's end of the connection, a ``service.Channel`` over a queue."""

    def __init__(
        self, inbox: queue.SimpleQueue[Config | Request | None], on_answer: OnAnswer
    ) -> None:
        self._inbox = inbox
        self.send = on_answer

    def receive(self) -> Config | Request:
        if (message := self._inbox.get()) is None:
            raise EOFError
        return message

    def pending(self) -> bool:
        return not self._inbox.empty()


class InlineWorker:
    """A worker in the caller, which waits for each plan; for debugging, not for an arm."""

    def __init__(self, config: Config, on_answer: OnAnswer) -> None:
        from wm_planner.worker.service import Service  # imports torch, unlike other modes

        self._on_answer = on_answer
        self._service = Service(config)
        on_answer(self._service.answer)

    @property
    def pid(self) -> int:
        return os.getpid()

    def send(self, request: Request) -> None:
        if (answer := self._service.handle(request)) is not None:
            self._on_answer(answer)

    def kill(self) -> None:
        """Do nothing, because nothing runs between two calls."""

    def close(self) -> None:
        """Do nothing, because nothing runs between two calls."""


def _exit_reason(code: int | None, error: Exception) -> str:
    """Return a sentence on how the worker ended."""
    if code is None:
        return f"the planner's process closed its connection ({error!r})"
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (often: out of memory)" if name == "SIGKILL" else ""
        return f"the planner's process was ended by {name}{hint}"
    return f"the planner's process ended with exit code {code}; its output says why"
