"""Images for the viewers: the newest of each kind, encoded once for all of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import numpy as np

from wm_planner.images.opencv import cv2
from wm_planner.types import RgbImage

QUALITY = 80  # of JPEG, in percent
MAX_WIDTH = 1280  # [pixels] of what is shown
MAX_SIDE = 65500  # [pixels] of a JPEG that libjpeg writes


class Feed:
    """Images of one kind, e.g. those of the camera; may be filled from any thread.

    An image is encoded when a viewer asks for it, so it costs nothing without viewers.

    Attributes:
        number: Of the newest image, from 1; 0 before the first.
        size: (height, width) of the newest image.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._image: RgbImage | None = None
        self._encoded: tuple[int, bytes] = (0, b"")
        self.number = 0
        self.size = (0, 0)
        self.on_news: Callable[[], None] = lambda: None

    @property
    def image(self) -> RgbImage | None:
        """The newest image, uint8 RGB (H, W, 3); None before the first."""
        return self._image

    def show(self, image: RgbImage) -> None:
        """Take an image, uint8 RGB (H, W, 3), which is not changed afterward."""
        with self._lock:
            self._image = image
            self.size = (image.shape[0], image.shape[1])
            self.number += 1
        self.on_news()

    def jpeg(self) -> tuple[int, bytes]:
        """Return the newest image as JPEG, at most ``MAX_WIDTH`` wide, and its number."""
        with self._lock:
            image, number = self._image, self.number
            if image is None or self._encoded[0] == number:
                return self._encoded
            self._encoded = number, encode_jpeg(image)
            return self._encoded


class Feeds:
    """All feeds, and the viewers that wait for news.

    Attributes:
        feeds: The feeds by name.
        viewers: How many viewers there are.
    """

    def __init__(self, *names: str) -> None:
        self.feeds = {name: Feed() for name in names}
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._lock = threading.Lock()
        for feed in self.feeds.values():
            feed.on_news = self._wake

    @property
    def viewers(self) -> int:
        """How many viewers there are."""
        return len(self._waiting)

    def __getitem__(self, name: str) -> Feed:
        return self.feeds[name]

    def enter(self) -> asyncio.Event:
        """Count a viewer; its event is set when there is news. Call it in its event loop."""
        event = asyncio.Event()
        with self._lock:
            self._waiting[event] = asyncio.get_running_loop()
        event.set()  # there may be images already
        return event

    def leave(self, event: asyncio.Event) -> None:
        """Forget a viewer."""
        with self._lock:
            self._waiting.pop(event, None)

    def _wake(self) -> None:
        with self._lock:
            for event, loop in self._waiting.items():
                if not loop.is_closed():
                    loop.call_soon_threadsafe(event.set)


def encode_jpeg(image: RgbImage, max_width: int = MAX_WIDTH) -> bytes:
    """Return an image, uint8 RGB (H, W, 3), as JPEG; empty if none can be as large."""
    if image.shape[1] > max_width:
        height = max(round(image.shape[0] * max_width / image.shape[1]), 1)
        image = cv2().resize(image, (max_width, height), interpolation=cv2().INTER_AREA)
    if max(image.shape[:2]) > MAX_SIDE:  # OpenCV would write to the terminal each time
        return b""
    options = [cv2().IMWRITE_JPEG_QUALITY, QUALITY]
    done, data = cv2().imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), options)
    return bytes(data.tobytes()) if done else b""


def side_by_side(images: list[RgbImage]) -> RgbImage:
    """Return images of several cameras in a row, all as high as the first."""
    if len(images) == 1:
        return images[0]
    height = images[0].shape[0]
    scaled = [
        cv2().resize(image, (max(round(image.shape[1] * height / image.shape[0]), 1), height))
        for image in images
    ]
    return np.ascontiguousarray(np.hstack(scaled))
