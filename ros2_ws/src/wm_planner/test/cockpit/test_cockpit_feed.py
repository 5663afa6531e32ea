"""Images for viewers: encoded on demand, the newest only, and no viewer waits for another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from wm_planner.cockpit import feed as module
from wm_planner.cockpit.feed import MAX_SIDE, MAX_WIDTH, Feed, Feeds, encode_jpeg, side_by_side


def plain(height: int, width: int, color: tuple[int, int, int] = (200, 30, 60)) -> Any:
    return np.full((height, width, 3), color, dtype=np.uint8)


def decoded(data: bytes) -> Any:
    """Decode to RGB, or fail."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_a_feed_without_images_has_none_to_show() -> None:
    feed = Feed()
    assert (feed.jpeg(), feed.image, feed.number, feed.size) == ((0, b""), None, 0, (0, 0))


def test_the_newest_image_is_shown_in_its_colors() -> None:
    feed = Feed()
    feed.show(plain(20, 30, (0, 0, 255)))
    feed.show(plain(40, 60))
    number, data = feed.jpeg()
    assert (number, feed.number, feed.size) == (2, 2, (40, 60))
    np.testing.assert_allclose(decoded(data), plain(40, 60), atol=4)


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list that grows with each image that is encoded."""
    encoded: list[Any] = []
    encode = module.encode_jpeg
    monkeypatch.setattr(module, "encode_jpeg", lambda image: (encoded.append(1), encode(image))[1])
    return encoded


def test_an_image_is_encoded_once_for_all_viewers_and_not_without_them(count: list[Any]) -> None:
    feed = Feed()
    for _ in range(3):
        feed.show(plain(20, 30))
    assert not count
    assert feed.jpeg() == feed.jpeg()
    assert len(count) == 1
    feed.show(plain(20, 30))
    assert feed.jpeg()[0] == 4
    assert len(count) == 2


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((90, MAX_WIDTH), (90, MAX_WIDTH)),
        ((200, 2 * MAX_WIDTH), (100, MAX_WIDTH)),
        ((1, 4 * MAX_WIDTH), (1, MAX_WIDTH)),
    ],
)
def test_a_wide_image_is_scaled_down(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert decoded(encode_jpeg(plain(*size))).shape[:2] == shown


def test_an_image_beyond_what_a_jpeg_holds_is_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    assert encode_jpeg(plain(MAX_SIDE + 1, 2)) == b""
    assert decoded(encode_jpeg(plain(MAX_SIDE, 2))).shape[0] == MAX_SIDE
    assert capfd.readouterr().err == "", "else it is written there ten times a second"


def test_images_of_several_cameras_stand_in_a_row_as_high_as_the_first() -> None:
    red, blue = plain(20, 30, (255, 0, 0)), plain(40, 20, (0, 0, 255))
    row = side_by_side([red, blue])
    assert row.shape == (20, 40, 3)
    np.testing.assert_array_equal(row[:, :30], red)
    np.testing.assert_array_equal(row[:, 30:], plain(20, 10, (0, 0, 255)))
    assert side_by_side([red]) is red


def test_a_viewer_is_told_of_news_from_another_thread(time_limit: float) -> None:
    feeds = Feeds("camera", "goal")

    async def view() -> None:
        first, second = feeds.enter(), feeds.enter()
        assert first.is_set(), "there may be images already"
        assert feeds.viewers == 2
        for event in (first, second):
            event.clear()
        thread = threading.Thread(target=feeds["goal"].show, args=(plain(4, 4),))
        thread.start()
        for event in (first, second):
            await asyncio.wait_for(event.wait(), time_limit)
        thread.join()
        feeds.leave(first)
        feeds.leave(first)
        assert feeds.viewers == 1

    asyncio.run(view())


def test_a_viewer_whose_loop_has_ended_harms_nobody() -> None:
    feeds = Feeds("camera")

    async def view() -> None:
        feeds.enter()

    asyncio.run(view())
    feeds["camera"].show(plain(4, 4))
    assert feeds["camera"].number == 1


def test_feeds_are_found_by_their_names() -> None:
    feeds = Feeds("camera", "goal")
    make: Callable[[str], Feed] = feeds.__getitem__
    assert make("camera") is feeds.feeds["camera"]
    with pytest.raises(KeyError):
        make("depth")
