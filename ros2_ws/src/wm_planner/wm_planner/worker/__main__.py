"""Entry point of the worker process: ``python -m wm_planner.worker FILE_DESCRIPTOR``."""

from __future__ import annotations

import contextlib
import signal
import sys
from multiprocessing.connection import Connection

from wm_planner.worker.engine import Engine
from wm_planner.worker.messages import Answer, Failed, Ready, SetGoal


def serve(connection: Connection) -> None:
    """Answer requests until the node closes the connection.

    Any error of a plan is answered as ``Failed``; the process lives on.
    """
    try:
        engine = Engine(connection.recv())
        engine.warm_up()
    except Exception as error:  # whatever a model's code raises is the user's to read
        connection.send(Failed(-1, f"the model could not be loaded: {error}"))
        return
    connection.send(Ready(engine.describe(), engine.warnings))
    while True:
        request = connection.recv()
        if isinstance(request, SetGoal):
            engine.set_goal(request)
            continue
        try:
            answer: Answer = engine.answer(request, cancel=connection.poll)
        except Exception as error:
            answer = Failed(request.goal_id, f"{type(error).__name__}: {error}")
        connection.send(answer)


def main() -> None:
    """Serve on the inherited socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # When the node has gone there is nobody to tell.
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        serve(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
