"""How a program ends: its output is written, and what fails is a sentence and an exit code."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterator

from wm_planner.explain import BUG, bug, explain
from wm_planner.message_limits import MAX_TEXT
from wm_planner.text import one_line

INTERRUPTED = 130
"""Exit code after Ctrl+C, as shells have it."""


def exit_code(program: str, error: BaseException) -> int:
    """Print a sentence on an error, and return 2 or ``BUG``.

    There is none on Ctrl+C, with ``INTERRUPTED``, and on a reader of the output that has left, as
    in ``wm-planner doctor | head``, with 0.
    """
    if isinstance(error, BrokenPipeError) and _nobody_reads():
        code = 0
    elif isinstance(error, KeyboardInterrupt):
        code = INTERRUPTED
    else:
        sentence = explain(error)
        code = 2 if sentence else BUG
        with contextlib.suppress(OSError):  # nobody reads the errors either
            said = one_line(f"{program}: {sentence or bug(error)}", MAX_TEXT)
            print(said, file=sys.stderr, flush=True)
    _drop_unwritten()
    return code


@contextlib.contextmanager
def explained(program: str) -> Iterator[None]:
    """End the process with a sentence if something fails; also decorates a ``main``.

    Output can be closed, or of an encoding that lacks characters, which become escapes.

    Raises:
        SystemExit: Something failed, or Ctrl+C was pressed; it has the ``exit_code``.
    """
    _make_output_usable()
    try:
        try:
            yield
        except SystemExit:  # as after --help
            sys.stdout.flush()
            raise
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        raise SystemExit(exit_code(program, error)) from error


def _make_output_usable() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed, as with >&-
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _nobody_reads() -> bool:
    """Return whether the reader of the output has left; another pipe can break, too."""
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # of a test, without a file
            poll.register(stream.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _drop_unwritten() -> None:
    """Drop output that cannot be written, so that Python does not try it again at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())
