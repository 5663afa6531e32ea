"""How a program ends if something fails: with a sentence on standard error, and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from wm_planner.explain import BUG, bug, explain
from wm_planner.message_limits import MAX_TEXT
from wm_planner.text import one_line

INTERRUPTED = 130
"""Exit code after Ctrl+C, as shells have it."""


def exit_code(program: str, error: BaseException) -> int:
    """Print a sentence on an error, none on Ctrl+C; return 2, ``BUG`` or ``INTERRUPTED``."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    sentence = explain(error)
    print(one_line(f"{program}: {sentence or bug(error)}", MAX_TEXT), file=sys.stderr)
    return 2 if sentence else BUG


@contextmanager
def explained(program: str) -> Iterator[None]:
    """End the process with a sentence if something fails; also decorates a ``main``.

    Raises:
        SystemExit: Something failed, or Ctrl+C was pressed; it has the ``exit_code``.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        raise SystemExit(exit_code(program, error)) from error
