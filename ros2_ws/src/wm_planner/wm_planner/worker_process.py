"""Entry point of the worker process: ``python -m wm_planner.worker_process SOCKET MEMORY``.

Only Python's own modules are imported before an error can be reported, because another interpreter
may lack any package.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import struct
import sys

from wm_planner.ending import explained
from wm_planner.explain import explain

CHECK = "--check"
PR_SET_PDEATHSIG = 1  # prctl(2), Linux


def die_with_parent() -> None:
    """Have the kernel kill this process when the node ends, even if it is stopped (SIGSTOP) then.

    The kernel watches the thread that started the process: the one that spins the node.
    """
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the node ended just before
        sys.exit()


def main() -> None:
    """Serve on the inherited socket and memory."""
    if sys.argv[1:2] == [CHECK]:
        sys.exit(_check(sys.argv[2:]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    # These errors mean that the node has ended.
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        end, memory = map(int, sys.argv[1:])
        channel = socket.socket(fileno=end)
        try:
            from wm_planner.worker.service import serve
            from wm_planner.worker.shared import Arena
            from wm_planner.worker.wire import Wire
        except Exception as error:  # OSError: a library of torch cannot be loaded
            sys.exit(_refuse(channel, error))
        serve(Wire(channel, incoming=Arena(memory)))


def _check(words: list[str]) -> int:
    """Check this interpreter, as ``wm_planner.worker.check`` asks; return the exit code."""
    with explained("wm_planner.worker.check"):
        from wm_planner.worker.check import check_worker

        return check_worker(*words)


def _refuse(channel: socket.socket, error: Exception) -> str:
    """Send the node a ``Failed`` in the format of `wire`, which may not be importable here."""
    reason = explain(error) or f"{type(error).__name__}: {error}"
    where = sys.executable
    sentence = reason if where in reason else f"{where} cannot run the planner's process: {reason}"
    failed = {"kind": "Failed", "fields": {"goal_id": -1, "message": sentence}}
    header = json.dumps(failed).encode()
    channel.sendall(struct.pack("<Q", len(header)) + header)
    return sentence


if __name__ == "__main__":
    main()
