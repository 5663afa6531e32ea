"""Ask the arm's controller for its parameters, and compare them with the commands."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python

from wm_planner.control.receiver import PARAMETERS, Mismatch, Sender, compare
from wm_planner.ros import log

ANSWER_TIME = 5.0  # [s] after which a controller that did not answer is asked again


class ControllerCheck:
    """Compares the parameters of the node ``commands.controller`` with what the planner sends.

    A controller is asked when it appears, so also after it was started again. Without an answer
    nothing is known about it.

    Args:
        node: Carries the client.
        sender: What the planner sends.
    """

    def __init__(self, node: Node, sender: Sender) -> None:
        self._node, self._sender = node, sender
        self._name = sender.config.controller
        self._client = (
            node.create_client(GetParameters, f"{self._name}/get_parameters")
            if self._name
            else None
        )
        self._asked: float | None = None  # when [s, steady clock]
        self._round = 0  # answers to earlier questions are ignored
        self._values: dict[str, Any] = {}
        self._missing: set[str] = set()  # names without an answer yet
        self._mismatches: list[Mismatch] = []

    @property
    def answered(self) -> bool:
        """Whether the running controller has answered."""
        return self._asked is not None and not self._missing

    @property
    def has_told_joints(self) -> bool:
        """Whether the running controller has answered which joints it takes."""
        return self.answered and any(
            self._values.get(name) for name in ("joints", "command_joints")
        )

    @property
    def stops(self) -> str:
        """Why no goal may be pursued with this controller, or an empty string."""
        return " ".join(self._sentences(stops=True))

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the controller but moves nothing wrongly, as sentences."""
        return self._sentences(stops=False)

    def watch(self) -> None:
        """Ask the controller if it has appeared; called several times a second."""
        if self._client is None:
            return
        if not self._client.service_is_ready():
            self._asked, self._mismatches = None, []
            return
        late = self._missing and time.monotonic() - (self._asked or 0.0) > ANSWER_TIME
        if self._asked is None or late:
            self._ask(self._client)

    def close(self) -> None:
        """Ask no more."""
        self._round += 1
        if self._client is not None:
            self._node.destroy_client(self._client)

    def _ask(self, client: Any) -> None:
        """Ask for each name alone: rclcpp answers nothing if one of several is not declared."""
        self._asked = time.monotonic()
        self._round += 1
        self._values, self._missing = {}, set(PARAMETERS)
        for name in PARAMETERS:
            future = client.call_async(GetParameters.Request(names=[name]))
            future.add_done_callback(partial(self._take, self._round, name))

    def _take(self, number: int, name: str, future: Any) -> None:
        if number != self._round or future.cancelled() or future.exception() is not None:
            return
        self._missing.discard(name)
        values = future.result().values
        if len(values) == 1 and (value := parameter_value_to_python(values[0])) is not None:
            self._values[name] = value
        if not self._missing:
            self._mismatches = compare(self._sender, self._values)
            for found in self._mismatches:
                log.warning(self._node, self._sentence(found))

    def _sentences(self, *, stops: bool) -> list[str]:
        return [self._sentence(m) for m in self._mismatches if m.stops is stops]

    def _sentence(self, found: Mismatch) -> str:
        return f"the controller {self._name}: {found.sentence}"
