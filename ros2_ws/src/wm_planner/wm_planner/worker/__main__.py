"""Entry point of the worker process: ``python -m wm_planner.worker SOCKET MEMORY``."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys

from wm_planner.worker.service import serve
from wm_planner.worker.shared import Arena
from wm_planner.worker.wire import Wire


def main() -> None:
    """Serve on the inherited socket and memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # When the node has gone there is nobody to tell.
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        end, memory = map(int, sys.argv[1:])
        serve(Wire(socket.socket(fileno=end), incoming=Arena(memory)))


if __name__ == "__main__":
    main()
