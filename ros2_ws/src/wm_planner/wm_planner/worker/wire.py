"""Messages on a socket, between any versions of Python and NumPy.

A message is the length of a JSON header, the header, and then the bytes of those arrays that did
not go through shared memory. Nothing is pickled, so the two ends may run different interpreters.
"""

from __future__ import annotations

import json
import select
import socket
import struct
from dataclasses import asdict, fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.config import Config
from wm_planner.files.plain_settings import fill
from wm_planner.types import Goal, Observation, Past
from wm_planner.worker import messages
from wm_planner.worker.shared import Arena

LENGTH = struct.Struct("<Q")
KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        Goal,
        Observation,
        Past,
        messages.Configure,
        messages.SetGoal,
        messages.PlanRequest,
        messages.PlanOnce,
        messages.Ready,
        messages.Candidates,
        messages.Planned,
        messages.Failed,
    )
}


class Wire:
    """One end of a stream socket.

    One thread may send while another one receives.

    Args:
        end: A connected socket.
        outgoing: Shared memory for arrays to the other end; those that do not fit go through the
            socket, as all do without it.
        incoming: Shared memory for arrays from the other end.
    """

    def __init__(
        self, end: socket.socket, *, outgoing: Arena | None = None, incoming: Arena | None = None
    ) -> None:
        self._socket, self._outgoing, self._incoming = end, outgoing, incoming

    def send(self, message: Any) -> None:
        """Send a ``Config`` or one of ``messages``; block until the other end has read most of it.

        Raises:
            OSError: The connection is broken.
        """
        arrays: list[NDArray[Any]] = []
        header = json.dumps(self._plain(message, arrays)).encode()
        self._socket.sendall(LENGTH.pack(len(header)) + header)
        for array in arrays:
            self._socket.sendall(array.reshape(-1).view(np.uint8).data)

    def receive(self) -> Any:
        """Return the next message; block until there is one.

        Raises:
            EOFError: The other end has closed.
            OSError: The connection is broken.
        """
        header = bytearray(LENGTH.unpack(self._fill(bytearray(LENGTH.size)))[0])
        return self._build(json.loads(self._fill(header)))

    def pending(self) -> bool:
        """Return whether a message, or the end of the connection, is waiting."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def close(self) -> None:
        """Close this end; a thread that waits in ``receive`` returns with an error."""
        self._socket.close()

    def _fill(self, buffer: Any) -> Any:
        view = memoryview(buffer)
        while view:
            count = self._socket.recv_into(view)
            if count == 0:
                raise EOFError("the other end has closed")
            view = view[count:]
        return buffer

    def _build(self, value: Any) -> Any:
        """Invert ``_plain``; arrays follow the header in the order in which it names them."""
        if isinstance(value, list):
            return [self._build(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "place" in value:
            assert self._incoming
            return self._incoming.take(value["place"], value["shape"], value["array"])
        if "array" in value:
            array = np.empty(value["shape"], value["array"])
            self._fill(array.reshape(-1).view(np.uint8))
            return array
        if "tuple" in value:
            return tuple(self._build(value["tuple"]))
        if "config" in value:
            return fill(Config, value["config"])
        built = {name: self._build(item) for name, item in value["fields"].items()}
        return KINDS[value["kind"]](**built)

    def _plain(self, value: Any, arrays: list[NDArray[Any]]) -> Any:
        """Return a message as JSON values; append the arrays for the socket to ``arrays``."""
        if isinstance(value, Config):
            return {"config": asdict(value)}
        if isinstance(value, np.ndarray):
            array = np.ascontiguousarray(value)
            plain = {"array": array.dtype.str, "shape": list(array.shape)}
            place = None if self._outgoing is None else self._outgoing.put(array)
            if place is not None:
                return {**plain, "place": place}
            arrays.append(array)
            return plain
        if is_dataclass(value):
            items = ((item.name, getattr(value, item.name)) for item in fields(value))
            named = {name: self._plain(part, arrays) for name, part in items}
            return {"kind": type(value).__name__, "fields": named}
        if isinstance(value, tuple):
            return {"tuple": [self._plain(item, arrays) for item in value]}
        if isinstance(value, list):
            return [self._plain(item, arrays) for item in value]
        return value
