"""Progress of long jobs on standard error: bars on a terminal, a line for each phase in a log."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from wm_planner.progress import Progress, Step, silent
from wm_planner.text import one_line

PATIENCE = 5.0  # [s] after which a log names the phase that takes so long
_WIDTH = 44  # columns of the words beside a bar, so that all fit into 80


def shown_progress(quiet: bool) -> Progress:
    """Return what shows a job's progress on standard error.

    Args:
        quiet: Show nothing, as with ``--quiet`` and ``--json``.
    """
    if quiet:
        return silent
    erases = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    # A worker's environment that was made for an older version has no rich.
    return _Bars() if erases and importlib.util.find_spec("rich") else logged


@contextmanager
def logged(what: str, total: float | None = None) -> Iterator[Step]:
    """Print a line on a phase that takes longer than ``PATIENCE``."""
    # In one call, so that no line of another thread comes between.
    late = threading.Timer(PATIENCE, lambda: sys.stderr.write(f"{one_line(what)} …\n"))
    late.daemon = True
    late.start()
    try:
        with silent(what, total) as step:
            yield step
    finally:
        late.cancel()


class _Bars:
    """A bar for each phase under way, which is gone when the phase ends, however it ends."""

    def __init__(self) -> None:
        self._shown: Any = None

    @contextmanager
    def __call__(self, what: str, total: float | None = None) -> Iterator[Step]:
        outermost = self._shown is None
        if outermost:
            self._shown = _bars()
        shown = self._shown
        task = shown.add_task(one_line(what, _WIDTH), total=total)

        def step(units: float = 1) -> None:
            shown.advance(task, units)

        try:
            if outermost:
                shown.start()
            yield step
        finally:
            if outermost:
                shown.stop()  # draws the last state, and erases it
                self._shown = None
            else:
                shown.remove_task(task)


def _bars() -> Any:
    """Return rich's progress, which takes a moment to import."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TaskProgressColumn(show_speed=False),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # to the console, which is standard error
    )
