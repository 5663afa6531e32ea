"""Messages arrive as they were sent, between any versions of Python, without pickle."""

from __future__ import annotations

import math
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from wm_planner.config import Config
from wm_planner.types import Goal, Observation, Past
from wm_planner.worker.messages import (
    Candidates,
    Failed,
    Planned,
    PlanOnce,
    PlanRequest,
    Ready,
    SetGoal,
)
from wm_planner.worker.shared import SIZE, Arena, make_memory
from wm_planner.worker.wire import Wire

IMAGE = np.arange(480 * 640 * 3, dtype=np.uint32).astype(np.uint8).reshape(480, 640, 3)
OBSERVATION = Observation((IMAGE, IMAGE[::2], IMAGE[:, ::-1]), np.array([0.1, math.inf]), 12.25)

PLANNED = Planned(3, math.nan, np.eye(3), 0.5, [2.0, 1.0], "done", False, 0.1, None, IMAGE)


@pytest.fixture(params=["socket", "shared memory"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[Wire, Wire]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        arenas: list[Arena | None] = [None, None]
        if request.param == "shared memory":
            arenas = [*_two_arenas()]
        yield Wire(ours, outgoing=arenas[0]), Wire(theirs, incoming=arenas[1])


def _two_arenas() -> tuple[Arena, Arena]:
    memory = make_memory()
    try:
        return Arena(memory), Arena(memory)
    finally:
        os.close(memory)


def _through(ends: tuple[Wire, Wire], message: Any) -> Any:
    sender = threading.Thread(target=ends[0].send, args=(message,))
    sender.start()
    received = ends[1].receive()
    sender.join()
    return received


@pytest.mark.parametrize(
    "message",
    [
        SetGoal(3, Goal(OBSERVATION, 0.1, np.ones((1, 2, 3), np.float32))),
        PlanRequest(3, OBSERVATION, imagine=True),
        PlanRequest(3, OBSERVATION, explain=True),
        PlanRequest(3, OBSERVATION, past=Past((OBSERVATION,) * 2, np.ones((2, 3)))),
        PlanOnce(-2, Observation((IMAGE,)), Goal(OBSERVATION), "full", 7),
        Ready("model", ["a warning"], (14, 14), "float16"),
        PLANNED,
        replace(PLANNED, candidates=Candidates(np.arange(2.0), np.ones((2, 3, 3)), np.eye(3))),
        replace(PLANNED, candidates=Candidates(np.zeros(0), np.ones((0, 3, 3)), np.ones((0, 3)))),
        Failed(-1, "a – sentence", lost=True),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_arrives_as_it_was_sent(ends: tuple[Wire, Wire], message: Any) -> None:
    received = _through(ends, message)
    assert type(received) is type(message)
    np.testing.assert_equal(asdict(received), asdict(message))


def test_arrays_that_do_not_fit_the_memory_go_through_the_socket(
    ends: tuple[Wire, Wire],
) -> None:
    count = SIZE // IMAGE.nbytes + 3  # all are sent before the first is received
    observations = [Observation((IMAGE + np.uint8(i),)) for i in range(count)]
    sender = threading.Thread(
        target=lambda: [ends[0].send(SetGoal(1, Goal(s))) for s in observations]
    )
    sender.start()
    for observation in observations:
        np.testing.assert_array_equal(
            ends[1].receive().goal.observation.images[0], observation.images[0]
        )
    sender.join()


def test_memory_of_received_arrays_is_used_again() -> None:
    writer, reader = _two_arenas()
    places = []
    for i in range(3):
        place = writer.put(IMAGE + np.uint8(i))
        assert place is not None
        np.testing.assert_array_equal(reader.take(place, IMAGE.shape, "|u1"), IMAGE + np.uint8(i))
        places.append(place)
    assert len(set(places)) == 1


def test_an_array_that_was_not_received_is_not_overwritten() -> None:
    writer, reader = _two_arenas()
    first, second = writer.put(IMAGE), writer.put(~IMAGE)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(reader.take(first, IMAGE.shape, "|u1"), IMAGE)
    assert writer.put(IMAGE) not in (first, second)
    np.testing.assert_array_equal(reader.take(second, IMAGE.shape, "|u1"), ~IMAGE)


def test_the_configuration_arrives_whole(ends: tuple[Wire, Wire]) -> None:
    config = Config()
    config.limits.workspace_min = [0.0, 1.0, 2.0]
    config.planning.horizon = 9
    assert _through(ends, config) == config


def test_a_closed_end_is_noticed_in_the_middle_of_a_message() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"\x40\0\0\0\0\0\0\0{")
        theirs.close()
        wire = Wire(ours)
        assert wire.pending()
        with pytest.raises(EOFError):
            wire.receive()


def test_pending_reports_a_message_without_receiving_it(ends: tuple[Wire, Wire]) -> None:
    assert not ends[1].pending()
    ends[0].send(Failed(1, "sentence"))
    assert ends[1].pending()
    assert ends[1].receive() == Failed(1, "sentence")
    assert not ends[1].pending()
