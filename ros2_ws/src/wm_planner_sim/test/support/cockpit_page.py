"""What a test of the cockpit does with its page in the browser."""

from __future__ import annotations

import base64
import contextlib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Error, Locator, Page, expect

PLAN = ".view:has(img.feed-camera) svg"
STILL = 1.5  # mean difference of two images of a resting arm: noise of JPEG


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def answer(page: Page, name: str) -> None:
    """Click a button of a dialog until the dialog has gone; in CI one click had no effect."""
    asked = button(page, name)
    expect(asked).to_be_visible()
    while asked.count():
        with contextlib.suppress(Error):  # it has gone meanwhile
            asked.click(timeout=5_000)
        with contextlib.suppress(AssertionError):
            expect(asked).to_have_count(0, timeout=5_000)


def state(page: Page) -> Locator:
    return page.locator(".state-word")


def frames(page: Page, feed: str = "camera") -> int:
    """How many images a page has shown."""
    return int(page.locator(f"img.feed-{feed}").get_attribute("data-count") or 0)


def wait_frames(page: Page, count: int = 3, feed: str = "camera") -> None:
    """Wait until a page has shown so many more images."""
    page.wait_for_function(
        "([feed, count]) => document.querySelector(`img.feed-${feed}`).dataset.count >= count",
        arg=[feed, frames(page, feed) + count],
    )


def image(page: Page) -> np.ndarray:
    """The image that a page shows, uint8 (H, W, 3)."""
    url = page.evaluate(
        """async () => {
            const image = document.querySelector("img.feed-camera");
            while (!image.naturalWidth) {  // it is being replaced by the next one
                await new Promise(requestAnimationFrame);
            }
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            canvas.getContext("2d").drawImage(image, 0, 0);
            return canvas.toDataURL("image/png");
        }"""
    )
    data = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def wait_rest(page: Page) -> np.ndarray:
    """Wait until the arm rests; return the image."""
    before = image(page)
    while True:
        wait_frames(page)
        now = image(page)
        if np.abs(now.astype(int) - before).mean() < STILL and (now.shape == before.shape):
            return now
        before = now


def send(page: Page, tolerance: float = 0.0) -> None:
    page.get_by_label("Tolerance").fill(str(tolerance))
    button(page, "Send goal").click()


def upload(page: Page, file: Path) -> None:
    page.locator('input[type="file"]').set_input_files(file)
    expect(page.get_by_text(f"File {file.name}")).to_be_visible()


def post(url: str, **headers: str) -> tuple[int, Any]:
    """Send a POST as a program would; return status and answer."""
    request = urllib.request.Request(url, data=b"", headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
