"""Ask the arm's controller for its parameters, and compare them with the commands."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence
from typing import Any

from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters
from rclpy.node import Node

from wm_planner.control.controller_rules import PARAMETERS, Mismatch, Sender, compare
from wm_planner.message_limits import MAX_LIST, MAX_NAME
from wm_planner.ros import log
from wm_planner.text import quoted

ANSWER_TIME = 5.0  # [s] after which a controller that did not answer is asked again
_SERVICE = "/get_parameters"
_FIELDS = {
    bool: (ParameterType.PARAMETER_BOOL, "bool_value", "true or false"),
    float: (ParameterType.PARAMETER_DOUBLE, "double_value", "a floating-point number"),
    str: (ParameterType.PARAMETER_STRING, "string_value", "a text"),
    list: (ParameterType.PARAMETER_STRING_ARRAY, "string_array_value", "a list of texts"),
}  # type of a message's value, its field, and what to call it


class ControllerCheck:
    """Compares the parameters of the node ``commands.controller`` with what the planner sends.

    A controller is asked when it appears, so also after it was started again. Without an answer
    nothing is known about it. One parameter is asked for at a time, and at most one request is
    pending.

    Args:
        node: Carries the client.
        sender: What the planner sends.

    Attributes:
        name: The full name of the controller's node; empty if there is none to ask.
        stops: Why no goal may be pursued with this controller, or an empty string.
        warnings: What is wrong with the controller but moves nothing wrongly, as sentences.
    """

    def __init__(self, node: Node, sender: Sender) -> None:
        self._node, self._sender = node, sender
        self.name, self._client = "", None
        if controller := sender.config.controller:
            service = controller + _SERVICE
            self._client = node.create_client(GetParameters, service)
            self.name = node.resolve_service_name(service).removesuffix(_SERVICE)
        self._readers: Collection[object] = ()
        self._pending: Any = None  # the future of the question to the controller
        self._asked = 0.0  # when [s, steady clock]
        self._forget()

    @property
    def answered(self) -> bool:
        """Whether the running controller has answered."""
        return not self._missing

    @property
    def has_told_joints(self) -> bool:
        """Whether the running controller has answered which joints it takes."""
        return self.answered and bool(self._values.get("joints"))

    def watch(self, readers: Collection[object] = ()) -> None:
        """Ask the controller if it has appeared, and take its answers; often called.

        Args:
            readers: What identifies the controller's subscriptions to the commands. New ones are
                those of a new controller, also if the one before was killed and is still listed.
        """
        if self._client is None:
            return
        gone = not self._client.service_is_ready()
        if gone or readers != self._readers:
            self._readers = readers
            self._drop()
            self._forget()
        if gone or self.answered:
            return
        if self._pending is None:
            self._ask(self._client)
        elif self._pending.done():
            self._take(self._pending)
        elif time.monotonic() - self._asked > ANSWER_TIME:
            self._drop()

    def close(self) -> None:
        """Ask no more."""
        self._drop()
        if self._client is not None:
            self._node.destroy_client(self._client)
            self._client = None

    def _forget(self) -> None:
        """Know nothing about the controller."""
        self._values: dict[str, Any] = {}
        self._missing = list(PARAMETERS)  # names without an answer yet
        self._wrong: list[Mismatch] = []  # answers that cannot be used
        self.stops, self.warnings = "", list[str]()

    def _drop(self) -> None:
        """Wait no longer for an answer."""
        if self._client is not None and self._pending is not None:
            self._client.remove_pending_request(self._pending)
        self._pending = None

    def _ask(self, client: Any) -> None:
        """Ask for a name alone: rclcpp answers nothing if one of several is not declared."""
        self._asked = time.monotonic()
        self._pending = client.call_async(GetParameters.Request(names=self._missing[:1]))

    def _take(self, future: Any) -> None:
        """Take an answer, and compare when it was the last."""
        self._pending = None
        if future.cancelled() or future.exception() is not None:
            return
        name = self._missing.pop(0)
        try:
            value = read(name, future.result().values)
        except ValueError as error:
            self._wrong.append(
                Mismatch(
                    f"its parameter {name} {error}, so it counts as not told: is it the arm's "
                    "controller (commands.controller)?",
                    stops=self._sender.anonymous,
                )
            )
        else:
            if value is not None:
                self._values[name] = value
        if self._missing and self._client is not None:
            self._ask(self._client)
            return
        found = [*self._wrong, *compare(self._sender, self._values)]
        said = {m: f"the controller {self.name}: {m.sentence}" for m in found}
        self.stops = " ".join(said[m] for m in found if m.stops)
        self.warnings = [said[m] for m in found if not m.stops]
        for sentence in said.values():
            log.warning(self._node, sentence)


def read(name: str, values: Sequence[ParameterValue]) -> Any:
    """Return a controller's answer to the question for one of ``PARAMETERS``.

    Args:
        name: The parameter.
        values: The values of the answer; rclcpp gives none for a parameter that is not declared.

    Returns:
        A value of the type in ``PARAMETERS``; None if the controller has no such parameter.

    Raises:
        ValueError: The value has another type, or is too large; the end of a sentence.
    """
    if not values or (value := values[0]).type == ParameterType.PARAMETER_NOT_SET:
        return None
    wanted = PARAMETERS[name]
    kind, field, what = _FIELDS[wanted]
    if len(values) > 1 or value.type != kind:
        raise ValueError(f"is not {what}")
    told = getattr(value, field)
    if wanted is float and not math.isfinite(told):
        raise ValueError(f"is {told}")
    if wanted is str:
        _check_length(told)
    if wanted is list:
        if len(told) > MAX_LIST:
            raise ValueError(f"has {len(told)} entries, more than {MAX_LIST}")
        for text in told:
            _check_length(text)
        return list(told)
    return told


def _check_length(text: str) -> None:
    if len(text) > MAX_NAME:
        raise ValueError(f"has {quoted(text)} of {len(text)} characters, more than {MAX_NAME}")
