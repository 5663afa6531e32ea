"""Keeps requests to the services that rclpy serves itself from ending or delaying the node."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node

from wm_planner.message_limits import MAX_PARAMETERS, MAX_TEXT
from wm_planner.ros import log
from wm_planner.text import one_line

SHOWN = 200  # [characters] of an error, which may repeat the request


def guard(node: Node, services: Iterable[Any]) -> None:
    """Have services refuse requests that are too large, forge log lines, or raise an error.

    rclpy serves parameters, lifecycle and type descriptions itself. It lets every error pass to the
    executor: a parameter of type 255, or a transition that is impossible now (rclpy#1209), would
    end the node, and a lifecycle manager would wait for the answer forever. It also logs the labels
    of transitions and the hashes of types as they are.

    Args:
        node: Its logger gets a line for each refusal.
        services: Services of the node; their callbacks are replaced.
    """
    for service in services:
        service.callback = _Guarded(node, service.srv_name, service.callback)


class _Guarded:
    """A callback that refuses instead of raising an error."""

    def __init__(self, node: Node, name: str, callback: Any) -> None:
        self._node, self._name, self._callback = node, name, callback

    def __call__(self, request: Any, response: Any) -> Any:
        try:
            _check("request", request)
            return self._callback(request, response)
        except Exception as error:
            why = one_line(f"{self._name} refused a request: {one_line(str(error), SHOWN)}")
            log.error(self._node, why)
            return _refusal(request, type(response)(), why)


def _check(name: str, value: Any) -> None:
    """Check the size of all texts and lists of a message.

    Raises:
        ValueError: One is too large, or holds a character that cannot be printed.
    """
    if hasattr(value, "get_fields_and_field_types"):
        for field in value.get_fields_and_field_types():
            _check(field, getattr(value, field))
    elif isinstance(value, Sized):
        most, unit = (
            (MAX_TEXT, "characters") if isinstance(value, str) else (MAX_PARAMETERS, "entries")
        )
        if len(value) > most:
            raise ValueError(f"{name} has {len(value)} {unit}: at most {most} are allowed")
        if isinstance(value, str) and not value.isprintable():
            raise ValueError(f"{name} has characters that cannot be printed: leave them out")
        if isinstance(value, list):
            for entry in value:
                _check(name, entry)


def _refusal(request: Any, response: Any, why: str) -> Any:
    """Return an answer that says no, as far as its type can."""
    no = SetParametersResult(successful=False, reason=why)
    if hasattr(response, "results"):  # of set_parameters: one for each parameter
        response.results = [no] * min(len(request.parameters), MAX_PARAMETERS)
    elif hasattr(response, "result") and isinstance(response.result, SetParametersResult):
        response.result = no
    elif hasattr(response, "failure_reason"):  # of get_type_description
        response.failure_reason = why
    return response
