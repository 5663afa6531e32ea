"""Images for a viewer: each when it has shown the one before, always the newest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi import WebSocketDisconnect

from wm_planner.cockpit.feed import Feeds
from wm_planner.cockpit.server import show_frames

SHADES = (10, 90, 170, 250)


class Viewer:
    """A web socket that records what is sent, and says what a test puts in."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[bytes] = asyncio.Queue()
        self.words: asyncio.Queue[str | Exception] = asyncio.Queue()
        self.fails: Exception | None = None

    async def send_bytes(self, data: bytes) -> None:
        if self.fails:
            raise self.fails
        await self.sent.put(data)

    async def receive_text(self) -> str:
        word = await self.words.get()
        if isinstance(word, Exception):
            raise word
        return word


class Show:
    """A viewer that is shown the images of feeds."""

    def __init__(self, time_limit: float) -> None:
        self.feeds, self.viewer = Feeds("camera", "imagined", "goal"), Viewer()
        self._limit = time_limit
        self.task: asyncio.Task[None] = asyncio.ensure_future(show_frames(self.viewer, self.feeds))

    def show(self, name: str, shade: int) -> None:
        self.feeds[name].show(np.full((8, 8, 3), shade, dtype=np.uint8))

    async def next(self) -> tuple[int, int]:
        """Return the index of the next image, and its shade."""
        data = await asyncio.wait_for(self.viewer.sent.get(), self._limit)
        image = cv2.imdecode(np.frombuffer(data[1:], np.uint8), cv2.IMREAD_COLOR)
        return data[0], min(SHADES, key=lambda shade: abs(shade - int(image.mean())))

    async def shown(self) -> tuple[int, int]:
        """Say that the image is shown; return the next one."""
        self.viewer.words.put_nowait("shown")
        return await self.next()

    async def quiet(self) -> bool:
        """Return whether nothing is sent although all that is ready has run, encoder included."""
        await self._run_what_is_ready()
        # Images are encoded in the loop's only thread, so this ends after what is under way there.
        await asyncio.wait_for(asyncio.to_thread(lambda: None), self._limit)
        await self._run_what_is_ready()
        return self.viewer.sent.empty()

    async def _run_what_is_ready(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)

    async def ended(self) -> None:
        await asyncio.wait_for(asyncio.shield(self.task), self._limit)
        assert self.feeds.viewers == 0


def run_with_one_encoder(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a scene in a loop with a single thread, which encodes one image after the other."""

    async def played() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        await scene()

    asyncio.run(played())


@pytest.fixture
def play(time_limit: float) -> Any:
    """Run a scene with a viewer; end the viewer after it."""

    def run(scene: Any) -> None:
        async def played() -> None:
            show = Show(time_limit)
            try:
                done: Coroutine[Any, Any, None] = scene(show)
                await done
            finally:
                show.task.cancel()
                await asyncio.gather(show.task, return_exceptions=True)
            assert show.feeds.viewers == 0

        run_with_one_encoder(played)

    return run


def test_an_image_that_came_before_the_viewer_is_sent(play: Any) -> None:
    async def scene(show: Show) -> None:
        show.show("imagined", 90)
        assert await show.next() == (1, 90)
        assert show.feeds.viewers == 1

    play(scene)


def test_the_next_image_waits_until_this_one_is_shown_and_is_the_newest(play: Any) -> None:
    async def scene(show: Show) -> None:
        show.show("camera", 10)
        assert await show.next() == (0, 10)
        show.show("camera", 90)
        show.show("camera", 170)
        assert await show.quiet()
        assert await show.shown() == (0, 170)
        show.viewer.words.put_nowait("shown")
        assert await show.quiet(), "there is no other"

    play(scene)


def test_a_busy_feed_does_not_hold_up_the_others(play: Any) -> None:
    async def scene(show: Show) -> None:
        for name in ("camera", "goal"):
            show.show(name, 10)
        found = [await show.next()]
        for shade in (90, 170):
            show.show("camera", shade)
            found.append(await show.shown())
        assert found == [(0, 10), (2, 10), (0, 170)]

    play(scene)


def test_a_word_too_early_does_not_count_for_the_next_image(play: Any) -> None:
    async def scene(show: Show) -> None:
        for _ in range(3):
            show.viewer.words.put_nowait("shown")
        assert await show.quiet()
        show.show("camera", 10)
        assert await show.next() == (0, 10)
        show.show("camera", 90)
        assert await show.quiet()

    play(scene)


@pytest.mark.parametrize("end", [WebSocketDisconnect(), KeyError("text"), RuntimeError("closed")])
@pytest.mark.parametrize("waiting", [True, False], ids=["before an image", "while it is shown"])
def test_a_viewer_that_goes_is_forgotten(play: Any, end: Exception, waiting: bool) -> None:
    async def scene(show: Show) -> None:
        if not waiting:
            show.show("camera", 10)
            await show.next()
        show.viewer.words.put_nowait(end)
        await show.ended()

    play(scene)


@pytest.mark.parametrize("end", [WebSocketDisconnect(), RuntimeError("closed")])
def test_a_viewer_that_takes_no_image_is_forgotten(play: Any, end: Exception) -> None:
    async def scene(show: Show) -> None:
        show.viewer.fails = end
        show.show("camera", 10)
        await show.ended()

    play(scene)


def test_a_slow_viewer_does_not_hold_up_another(time_limit: float) -> None:
    async def scene() -> None:
        slow = Show(time_limit)
        fast = Show(time_limit)
        fast.task.cancel()
        fast.feeds = slow.feeds
        fast.task = asyncio.ensure_future(show_frames(fast.viewer, slow.feeds))
        slow.show("camera", 10)
        assert await slow.next() == await fast.next() == (0, 10)
        slow.show("camera", 90)
        assert await fast.shown() == (0, 90)
        assert await slow.quiet()
        for show in (slow, fast):
            show.task.cancel()
        await asyncio.gather(slow.task, fast.task, return_exceptions=True)
        assert slow.feeds.viewers == 0

    run_with_one_encoder(scene)
