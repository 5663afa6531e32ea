"""The worker's conversation: load once, then one answer to each plan that is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from wm_planner.config import Config
from wm_planner.worker.engine import Engine
from wm_planner.worker.messages import Answer, Failed, Ready, Request, SetGoal


class Channel(Protocol):
    """The worker's end of its connection to the node."""

    def receive(self) -> Request | Config:
        """The next message; raises ``EOFError`` when the node has gone."""
        ...

    def pending(self) -> bool:
        """Whether a message waits."""
        ...

    def send(self, message: Answer) -> None:
        """Send an answer."""
        ...


class Service:
    """Answers requests; what a model's code raises becomes a ``Failed``.

    Attributes:
        answer: ``Ready``, or the ``Failed`` that says why the model could not be loaded.
    """

    def __init__(self, config: Config) -> None:
        try:
            self._engine = Engine(config)
            self._engine.warm_up()
        except Exception as error:  # whatever a model's code raises is the user's to read
            self.answer: Ready | Failed = Failed(
                -1, f"the model could not be loaded: {_sentence(error)}"
            )
        else:
            self.answer = Ready(self._engine.describe(), self._engine.warnings)

    def handle(self, request: Request, cancel: Callable[[], bool] | None = None) -> Answer | None:
        """Answer a request; a new goal needs no answer.

        Args:
            request: What the node wants.
            cancel: Asked between iterations; True ends the plan early.
        """
        if isinstance(request, SetGoal):
            self._engine.set_goal(request)
            return None
        try:
            return self._engine.answer(request, cancel)
        except Exception as error:
            return Failed(request.goal_id, _sentence(error))


def serve(channel: Channel) -> None:
    """Load the model the first message asks for, and answer until the node has gone.

    Raises:
        EOFError: The node has gone.
    """
    config = channel.receive()
    assert isinstance(config, Config)
    os.nice(config.worker.nice)
    service = Service(config)
    channel.send(service.answer)
    while isinstance(service.answer, Ready):
        request = channel.receive()
        assert not isinstance(request, Config)
        if (answer := service.handle(request, channel.pending)) is not None:
            channel.send(answer)


def _sentence(error: Exception) -> str:
    # A ValueError is one of ours, a sentence already.
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
