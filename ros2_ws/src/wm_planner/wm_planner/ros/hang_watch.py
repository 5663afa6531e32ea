"""End the process of a node that hangs, because it cannot even stop the arm."""

from __future__ import annotations

import faulthandler

HANG = 5.0  # [s] without a call of ``alive``
STDERR = 2  # its file descriptor


class HangWatch:
    """Ends the process, and prints where it hangs, if ``alive`` is not called in time.

    Fast DDS can loop forever in ``take`` (docs/how-to/middleware.md) while it holds the
    interpreter's lock; then no Python code runs, so that faulthandler's own thread has to end the
    process.

    Args:
        enabled: Whether to watch.
    """

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled

    def alive(self) -> None:
        """Expect the next call within ``HANG`` seconds."""
        if self._enabled:
            faulthandler.dump_traceback_later(HANG, exit=True, file=STDERR)

    def rest(self) -> None:
        """Expect no call until the next ``alive``."""
        faulthandler.cancel_dump_traceback_later()
