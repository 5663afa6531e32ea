"""A progress line that needs nothing but a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def track(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    """Yields ``items`` and shows on standard error how many of ``total`` are done.

    On a terminal one line is rewritten; elsewhere a line appears at every tenth of the way.
    """
    start = time.monotonic()
    interactive = sys.stderr.isatty()
    shown = -1
    for count, item in enumerate(items, start=1):
        yield item
        tenth = 10 * count // max(total, 1)
        if interactive or tenth != shown or count == total:
            shown = tenth
            bar = "█" * (20 * count // max(total, 1))
            text = f"{label:<12} {bar:<20} {count}/{total}  {time.monotonic() - start:.0f} s"
            end = "\r" if interactive and count < total else "\n"
            print(text, end=end, file=sys.stderr, flush=True)
