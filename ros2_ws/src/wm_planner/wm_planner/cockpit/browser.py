"""Open a page in the browser of this machine."""

from __future__ import annotations

import os
import webbrowser


def open_in_browser(url: str) -> None:
    """Open an address in a window, if there is a display."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)
