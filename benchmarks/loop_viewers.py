"""The cockpit and its viewers for ``loop.py``: web socket clients that render nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator

from wm_planner_sim.client.processes import start_cockpit

VIEWER = """
import sys, time
from websockets.sync.client import connect
url = sys.argv[1]
with connect(url.replace("http", "ws") + "/frames", origin=url, max_size=None) as page:
    images, since = 0, time.monotonic()
    try:
        while True:
            page.recv()
            page.send("shown")
            images += 1
    finally:
        print(images / (time.monotonic() - since))
"""
LET_GO = 10.0  # [s] for a viewer to end


class Watched:
    """A cockpit with viewers.

    Attributes:
        url: Address of the page, without a slash at the end.
        rates: Images per second that each viewer got, once they have ended.
    """

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.rates: list[float] = []
        self._stop: tuple[float, str] = (float("nan"), "")

    @contextlib.contextmanager
    def by(self, count: int) -> Iterator[None]:
        """Run the cockpit with so many viewers."""
        with start_cockpit(f"port:={self.url.rpartition(':')[2]}"), contextlib.ExitStack() as ends:
            self._wait()
            command = [sys.executable, "-c", VIEWER, self.url]
            viewers = [
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                for _ in range(count)
            ]
            ends.callback(lambda: self._end(viewers))
            yield

    def stop(self) -> threading.Thread:
        """Stop the arm by a POST, in a thread, so that what follows can be recorded meanwhile."""

        def post() -> None:
            request = urllib.request.Request(f"{self.url}/stop", data=b"", method="POST")
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert json.loads(answer.read())["done"]

        thread = threading.Thread(target=post)
        thread.start()
        return thread

    def _wait(self) -> None:
        port = int(self.url.rpartition(":")[2])
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                return
            time.sleep(0.05)

    def _end(self, viewers: list[subprocess.Popen[bytes]]) -> None:
        for viewer in viewers:
            viewer.send_signal(2)  # as Ctrl-C
        outputs = [viewer.communicate(timeout=LET_GO)[0] for viewer in viewers]
        self.rates = [float(text.split()[0]) for text in outputs if text.split()]
