"""Service calls that wait for their answer."""

from __future__ import annotations

import time
from typing import Any

from rclpy.executors import Executor
from rclpy.task import Future

TIMEOUT = 60.0  # [s] for what takes far less than a second on a machine that is free
LOST = 10.0  # [s] after which an answer counts as lost


class ClientError(RuntimeError):
    """A partner does not answer; the message says which and what to look at."""


def call(
    client: Any, request: Any, executor: Executor, timeout: float = TIMEOUT, *, again: bool = True
) -> Any:
    """Call a service; ask ``again`` once if there is no answer: only what may be done twice.

    Raises:
        ClientError: Nobody offers it, or nobody answers within the time [s].
    """
    if not client.wait_for_service(timeout_sec=timeout):
        raise ClientError(f"nobody offers the service {client.srv_name}")
    answer = client.call_async(request)
    if again:
        spin(executor, answer, LOST)
        if not answer.done():  # it is lost while the middleware still matches both ends
            answer = client.call_async(request)
    return wait(answer, executor, timeout, client.srv_name)


def wait(future: Future, executor: Executor, timeout: float, what: str) -> Any:
    """Return the result of a future.

    Raises:
        ClientError: There is none within the time [s]; ``what`` did not answer.
    """
    spin(executor, future, timeout)
    if not future.done():
        raise ClientError(f"{what} did not answer within {timeout:.0f} s")
    return future.result()


def spin(executor: Executor, future: Future, timeout: float) -> None:
    """Handle messages until a future is done, or a time has passed [s].

    Not ``spin_until_future_complete``: in Jazzy each call of it leaves a task that is handled again
    and again, so that a client gets slower with every request.
    """
    until = time.monotonic() + timeout
    while not future.done() and (left := until - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=left)
