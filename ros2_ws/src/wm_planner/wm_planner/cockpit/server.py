"""The cockpit's web server: the page, its images, and the requests that need no web socket."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from nicegui import ui

from wm_planner.cockpit.cockpit_node import CockpitNode
from wm_planner.cockpit.feed import Feeds
from wm_planner.cockpit.guard import Guard
from wm_planner.cockpit.page import Page

MAX_VIEWERS = 32
LET_GO = "let go"  # instead of a word for the enabling button
TRY_LATER = 1013  # code of a web socket (RFC 6455's registry)
STOP = """<form id="stop-form" method="post" action="/stop"><button id="stop" type="submit"
title="Stop the arm, end the goal, and refuse goals until Release">STOP<small>or press Esc</small>
</button></form>"""
"""In the page itself, so that it is there before the page's scripts have run, and without them."""
HERE = Path(__file__).parent


def make_app(node: CockpitNode, token: str) -> Guard:
    """Return the application that serves the page.

    Args:
        node: Reads the planner's topics, and carries the requests to it.
        token: Without it nothing is answered; empty: none is needed.
    """
    api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @api.post("/stop")
    async def stop() -> JSONResponse:
        answer = await node.calls.stop()
        return JSONResponse({"done": answer.done, "text": answer.text}, 200 if answer.done else 503)

    @api.post("/enable")
    async def enable(request: Request) -> JSONResponse:
        if node.button is None:
            return JSONResponse({"word": "", "held": False}, 404)
        word = (await request.body()).decode("ascii", "replace")
        if word == LET_GO:
            node.button.let_go()
            return JSONResponse({"word": "", "held": False})
        return JSONResponse({"word": node.button.hold(word), "held": node.button.held})

    @api.websocket("/frames")
    async def frames(viewer: WebSocket) -> None:
        if node.feeds.viewers >= MAX_VIEWERS:
            await viewer.close(TRY_LATER, "there are too many viewers")
            return
        await viewer.accept()
        await show_frames(viewer, node.feeds)

    style, script = (HERE / "style.css").read_text(), (HERE / "cockpit.js").read_text()
    ui.add_head_html(f"<style>{style}</style><script>{script}</script>", shared=True)
    ui.add_body_html(STOP, shared=True)
    # The page is made for each viewer.
    ui.page("/", title="wm_planner cockpit")(lambda: Page(node).build())
    ui.run_with(
        api,
        dark=None,
        tailwind=False,
        show_welcome_message=False,
        binding_refresh_interval=None,
        reconnect_timeout=5.0,
    )
    return Guard(api, {socket.gethostname().lower(), *node.allowed_hosts}, token)


async def show_frames(viewer: Any, feeds: Feeds) -> None:
    """Send a viewer the newest images, each when it has shown the one before.

    A message is the number of the feed, one byte, and a JPEG.

    Args:
        viewer: The web socket, accepted.
        feeds: The images.
    """
    news, shown = feeds.enter(), asyncio.Event()
    gone = False

    async def listen() -> None:
        nonlocal gone
        try:
            while True:
                await viewer.receive_text()
                shown.set()
        except (WebSocketDisconnect, KeyError, RuntimeError):  # KeyError: it sent bytes
            gone = True
            news.set()
            shown.set()

    listener = asyncio.create_task(listen())
    sent = dict.fromkeys(feeds.feeds, 0)
    try:
        while not gone:
            await news.wait()
            news.clear()
            for index, (name, feed) in enumerate(feeds.feeds.items()):
                if gone or feed.number == sent[name]:
                    continue
                sent[name], jpeg = await asyncio.to_thread(feed.jpeg)
                shown.clear()
                await viewer.send_bytes(bytes([index]) + jpeg)
                await shown.wait()
    except (WebSocketDisconnect, RuntimeError):
        pass  # it has gone
    finally:
        feeds.leave(news)
        listener.cancel()


class QuietServer(uvicorn.Server):
    """A server that a signal ends, and that does not raise it again: the process ends with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals while the server runs."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in order; a second signal, as of an impatient Ctrl+C, changes nothing."""
        self.should_exit = True


def serve(app: Guard, listening: socket.socket) -> None:
    """Serve until a signal ends the process."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        ws="websockets-sansio",
    )
    QuietServer(config).run(sockets=[listening])
