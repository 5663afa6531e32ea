"""Service calls that wait for their response."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.executors import Executor
from rclpy.task import Future

TIMEOUT = 60.0  # [s] for what takes far less than a second on an idle machine
LOST = 10.0  # [s] after which a response counts as lost
LOOK = 0.2  # [s] between looks at what sends no message


class ClientError(RuntimeError):
    """The planner or the simulator does not answer; the message says which, and what to check."""


def call(
    client: Any, request: Any, executor: Executor, timeout: float = TIMEOUT, *, again: bool = True
) -> Any:
    """Call a service and return its response.

    Args:
        client: Client of the service.
        request: Request of its type.
        executor: Executor of the client's node.
        timeout: Time allowed [s].
        again: Call once more if the first response is lost, which happens while the middleware
            still matches both ends. Set it to False if the service must not be called twice.

    Raises:
        ClientError: There is no such service, or no response within the time.
    """
    if not spin(executor, client.service_is_ready, timeout):
        raise ClientError(f"no node offers the service {client.srv_name}: is it running?")
    response = client.call_async(request)
    if again and not spin(executor, response.done, LOST):
        response = client.call_async(request)
    return wait(response, executor, timeout, client.srv_name)


def wait(future: Future, executor: Executor, timeout: float, what: str) -> Any:
    """Return the result of a future.

    Raises:
        ClientError: There is none within the time [s]; the message names ``what``.
    """
    if not spin(executor, future.done, timeout):
        raise ClientError(f"{what} did not answer within {timeout:.0f} s")
    return future.result()


def spin(executor: Executor, done: Callable[[], bool], timeout: float) -> bool:
    """Handle messages until a condition holds or a time [s] has passed; return whether it holds.

    ``spin_until_future_complete`` is not used: in Jazzy each call leaves a task behind that is
    executed again and again, so that a client gets slower with every request.
    """
    until = time.monotonic() + timeout
    while not (ended := done()) and (left := until - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=min(left, LOOK))
    return ended
