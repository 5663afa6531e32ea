"""The demo's live view: a page in the local browser that shows the latest frame."""

from __future__ import annotations

import os
import threading
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

from wm_planner.types import RgbImage

_BOUNDARY = "frame"
_PAGE = b"""<!doctype html><title>wm_planner demo</title>
<style>body { margin: 0; background: #222 } img { width: 100vw }</style><img src="/stream">"""


def has_display() -> bool:
    """Decide whether a browser window can be opened."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class LiveView:
    """A web server that streams the latest frame as motion JPEG, on this machine only (127.0.0.1).

    Attributes:
        url: The page's address.
    """

    def __init__(self) -> None:
        self._jpeg = b""
        self._news = threading.Condition()
        view = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                view._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing, because the terminal shows the progress bar."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def open(self) -> None:
        """Open the page in the browser."""
        webbrowser.open(self.url)

    def show(self, frame: RgbImage) -> None:
        """Show a frame, uint8 RGB (H, W, 3)."""
        encoded = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1].tobytes()
        with self._news:
            self._jpeg = encoded
            self._news.notify_all()

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if handler.path != "/stream":
            handler.send_header("Content-Type", "text/html")
            handler.end_headers()
            handler.wfile.write(_PAGE)
            return
        handler.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        handler.end_headers()
        try:
            while True:
                with self._news:
                    self._news.wait()
                    jpeg = self._jpeg
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
                handler.wfile.write(head + jpeg + b"\r\n")
        except OSError:
            return  # the page was closed
