"""What a user does in the cockpit, in their order: each test begins where the last one ended."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.dds, pytest.mark.sim, pytest.mark.slow]
STILL = 1.5  # mean difference of two images of a resting arm: noise of JPEG


@pytest.fixture(scope="module")
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


@pytest.fixture(scope="module")
def other(open_page: Callable[..., Page]) -> Page:
    """The page of a second viewer."""
    return open_page()


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


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
        """() => {
            const image = document.querySelector("img.feed-camera");
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
    expect(page.get_by_text(f"It is the file {file.name}.")).to_be_visible()


def test_the_page_shows_live_images_and_that_the_planner_is_ready(
    page: Page, shoot: Callable[[Page, str], None]
) -> None:
    expect(state(page)).to_contain_text("IDLE")
    wait_frames(page)
    assert image(page).shape == (480, 640, 3)
    shoot(page, "idle")


def test_a_present_view_waits_while_another_viewer_sends_a_goal(
    page: Page, other: Page, goal_file: Path, shoot: Callable[[Page, str], None]
) -> None:
    wait_rest(page)
    button(page, "Take present view").click()
    expect(page.get_by_text("It is the view when it was taken.")).to_be_visible()
    upload(other, goal_file)
    other.get_by_role("checkbox", name="candidates by cost").click()
    send(other, 1e-9)  # which is never reached, so that the pictures can be taken
    expect(state(other)).to_contain_text("PURSUING")
    wait_frames(other, 2, "imagined")
    expect(other.locator("img.feed-goal[data-count]")).to_be_visible()
    expect(other.locator(".view svg circle")).to_have_count(1)  # the end of the plan
    assert other.locator(".view svg polyline").count() > 10  # and the candidates
    shoot(other, "pursuing")
    expect(other.get_by_role("cell", name="dx", exact=True)).to_be_visible()
    button(other, "Cancel goal").click()
    expect(state(other)).to_contain_text("CANCELED")


def test_a_goal_taken_from_the_present_view_is_reached(page: Page, other: Page) -> None:
    away = wait_rest(page)
    send(page)
    expect(state(page)).to_contain_text("REACHED")
    expect(state(other)).to_contain_text("REACHED")
    assert np.abs(wait_rest(page).astype(int) - away).mean() > STILL  # it has moved back


def test_escape_stops_the_arm_and_release_lets_it_go_on(
    page: Page, goal_file: Path, shoot: Callable[[Page, str], None]
) -> None:
    upload(page, goal_file)
    send(page, 1e-9)
    expect(state(page)).to_contain_text("PURSUING")
    page.keyboard.press("Escape")
    expect(page.locator("#stop-answer")).to_contain_text("the arm holds")
    expect(state(page)).to_contain_text("HOLDING")
    wait_rest(page)
    send(page)
    expect(page.locator(".told")).to_contain_text("goal rejected: ~/stop was called")
    shoot(page, "holding")
    button(page, "OK").click()
    button(page, "Release").click()
    expect(state(page)).to_contain_text("IDLE")


def test_the_stop_button_needs_no_web_socket(page: Page) -> None:
    page.evaluate("window.socket.disconnect()")  # NiceGUI's, over which all else goes
    button(page, "STOP or press Esc").click()
    expect(page.locator("#stop-answer")).to_contain_text("the arm holds")
    page.reload()
    expect(state(page)).to_contain_text("HOLDING")
    button(page, "Release").click()
    expect(state(page)).to_contain_text("IDLE")


def test_a_mask_is_painted_and_a_model_without_tokens_says_that_it_has_no_use_for_it(
    page: Page, goal_file: Path
) -> None:
    upload(page, goal_file)
    button(page, "Paint mask").click()
    canvas = page.locator(".paint img")
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 90, steps=4)
    page.mouse.up()
    expect(page.locator(".paint polyline")).to_have_count(1)
    button(page, "Done").click()
    expect(page.locator(".paint")).to_have_count(0)
    send(page)
    expect(page.locator(".told")).to_contain_text("has masks, but model franka_reach compares")
    button(page, "OK").click()


def test_a_view_is_stored_and_reached_by_its_name(page: Page) -> None:
    page.get_by_label("Name").fill("home")
    page.reload()  # without a goal prepared, the present view is stored
    expect(state(page)).to_contain_text("IDLE")
    page.get_by_label("Name").fill("home")
    button(page, "Store").click()
    expect(page.get_by_text("the goal is stored as home")).to_be_visible()
    page.get_by_label("Stored goal").click()
    page.get_by_role("option", name="home").click()
    expect(page.get_by_text("It is the stored goal home.")).to_be_visible()
    button(page, "Add as sub-goal").click()
    expect(page.get_by_text("By way of 1 sub-goal.")).to_be_visible()
    button(page, "Take present view").click()
    send(page)
    expect(state(page)).to_contain_text("REACHED")


def test_settings_are_changed_within_their_ranges(page: Page) -> None:
    page.get_by_text("Settings that may change now").click()
    page.get_by_label("Search").fill("session.timeout")
    field = page.locator(".setting:visible input")
    expect(field).to_have_count(1)
    field.fill("-1")
    button(page, "Apply").click()
    expect(page.locator(".told")).to_contain_text("session.timeout out of range")
    field.fill("45")
    button(page, "Apply").click()
    expect(page.locator(".told")).to_have_text("changed session.timeout: 45.0OK")


def test_the_speed_is_overridden(page: Page) -> None:
    slider = page.get_by_role("slider")
    box = slider.bounding_box()
    assert box
    slider.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    expect(page.get_by_text("changed commands.speed_override: 50.0")).to_be_visible()
    expect(page.locator(".figure", has_text="speed")).to_contain_text("50 %")


def test_shadow_mode_is_entered_and_left(page: Page) -> None:
    page.get_by_role("switch", name="Shadow mode").click()
    expect(page.locator(".state-text")).to_contain_text("shadow: ready for a goal")
    page.get_by_role("switch", name="Shadow mode").click()
    expect(page.locator(".state-text")).to_have_text("ready for a goal")


def post(url: str, **headers: str) -> tuple[int, Any]:
    """Send a POST as a program would; return status and answer."""
    request = urllib.request.Request(url, data=b"", headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_page_from_elsewhere_can_neither_stop_nor_listen(
    robot: Any, page: Page, open_page: Callable[..., Page]
) -> None:
    status, text = post(f"{robot.url}stop", Origin="http://evil.example")
    assert status == 403
    assert "a page from elsewhere" in text
    assert post(f"{robot.url}stop", Host="evil.example")[0] == 403
    foreign = open_page("data:text/html,<p>elsewhere</p>")
    closed = foreign.evaluate(
        """(url) => new Promise((resolve) => {
            const socket = new WebSocket(url);
            socket.onopen = () => resolve("open");
            socket.onclose = () => resolve("closed");
        })""",
        robot.url.replace("http", "ws") + "frames",
    )
    assert closed == "closed"
    expect(state(page)).to_contain_text("IDLE")  # nothing has stopped


def test_a_cockpit_that_is_open_to_the_network_needs_its_token(
    robot: Any, open_page: Callable[..., Page]
) -> None:
    process, url = robot.start_cockpit("port:=0", "host:=0.0.0.0")
    port, token = url.rpartition(":")[2].split("/?token=")
    here = f"http://127.0.0.1:{port}/"
    assert post(f"{here}stop")[0] == 403
    assert post(f"{here}stop", Authorization="Bearer wrong")[0] == 403
    page = open_page(f"{here}?token={token}")
    assert page.url == here  # the token is not left in the address
    expect(state(page)).to_contain_text("IDLE")
    wait_frames(page)
    page.context.close()
    status, text = post(f"{here}stop", Authorization=f"Bearer {token}")
    assert status == 200
    assert json.loads(text)["done"]
    process.end()


def test_a_lost_planner_is_shown_as_lost_and_a_stop_as_not_done(
    robot: Any, page: Page, shoot: Callable[[Page, str], None]
) -> None:
    button(page, "Release").click()
    expect(state(page)).to_contain_text("IDLE")
    robot.planner.process.kill()
    robot.planner.process.wait()
    expect(state(page)).to_contain_text("LOST")
    expect(page.locator(".state-text")).to_contain_text("use its own stop")
    page.keyboard.press("Escape")
    expect(page.locator("#stop-answer")).to_contain_text("NOT STOPPED")
    shoot(page, "lost")


def test_a_page_without_its_cockpit_says_that_a_stop_was_not_done(robot: Any, page: Page) -> None:
    robot.cockpit.end()
    assert robot.cockpit.process.returncode == 0
    page.keyboard.press("Escape")
    expect(page.locator("#stop-answer")).to_contain_text("the cockpit does not answer")
