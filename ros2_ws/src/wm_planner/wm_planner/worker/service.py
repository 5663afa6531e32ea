"""The worker's main loop: load the model, then answer each request for a plan."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Protocol

from wm_planner.config import Config
from wm_planner.explain import explain
from wm_planner.worker.engine import Engine
from wm_planner.worker.messages import Answer, Configure, Failed, Ready, Request, SetGoal


class Channel(Protocol):
    """The worker's end of its connection to the node."""

    def receive(self) -> Request | Config:
        """Return the next message; raise ``EOFError`` if the node has closed the connection."""
        ...

    def pending(self) -> bool:
        """Return whether a message is waiting."""
        ...

    def send(self, message: Answer) -> None:
        """Send an answer."""
        ...


class Service:
    """Answers requests; an exception in the model's code becomes a ``Failed``.

    Attributes:
        answer: ``Ready``, or a ``Failed`` that says why the model could not be loaded.
    """

    def __init__(self, config: Config) -> None:
        try:
            self._engine = Engine(config)
            self._engine.warm_up()
            self._engine.check_calibration()
        except Exception as error:  # a model's code may raise anything
            self.answer: Ready | Failed = Failed(
                -1, f"the model could not be loaded: {_sentence(error)}"
            )
        else:
            self.answer = Ready(
                self._engine.describe(),
                self._engine.warnings,
                self._engine.token_grid,
                self._engine.precision,
                self._engine.plan_time,
            )

    def handle(self, request: Request, cancel: Callable[[], bool] | None = None) -> Answer | None:
        """Answer a request; new settings and a new goal get no answer.

        Args:
            request: The request.
            cancel: Called between iterations; True ends the plan early.
        """
        if isinstance(request, Configure):
            self._engine.configure(request.config)
            # The next plan reports what is wrong; a request that is waiting ends the warm-up.
            with contextlib.suppress(Exception):
                self._engine.warm_up(cancel)
            return None
        if isinstance(request, SetGoal):
            self._engine.set_goal(request)
            return None
        try:
            return self._engine.answer(request, cancel)
        except Exception as error:
            return Failed(request.goal_id, _sentence(error))


def serve(channel: Channel) -> None:
    """Load the model of the first message, a ``Config``, then answer all requests.

    Raises:
        EOFError: The node has closed the connection.
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
    return explain(error) or f"{type(error).__name__}: {error}"
