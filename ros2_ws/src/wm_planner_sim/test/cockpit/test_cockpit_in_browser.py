"""What a user does in the cockpit, in their order: each test begins where the last one ended."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cockpit_page import (
    PLAN,
    STILL,
    answer,
    button,
    image,
    post,
    send,
    state,
    upload,
    wait_frames,
    wait_rest,
)
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.dds, pytest.mark.sim, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


@pytest.fixture(scope="module")
def other(open_page: Callable[..., Page]) -> Page:
    """The page of a second viewer."""
    return open_page()


def test_the_page_shows_live_images_and_that_the_planner_is_ready(
    page: Page, shoot: Callable[[Page, str], None]
) -> None:
    expect(state(page)).to_contain_text("IDLE")
    wait_frames(page)
    assert image(page).shape == (480, 640, 3)
    shoot(page, "idle")


@pytest.mark.parametrize("width", [768, 1024, 1280])
def test_the_page_fits_a_tablet_and_a_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    expect(page.locator("#stop")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_present_view_waits_while_another_viewer_sends_a_goal(
    page: Page, other: Page, goal_file: Path, shoot: Callable[[Page, str], None]
) -> None:
    wait_rest(page)
    button(page, "Take present view").click()
    expect(page.get_by_text("View taken at")).to_be_visible()
    upload(other, goal_file)
    other.get_by_role("checkbox", name="Show candidates").click()
    send(other, 1e-9)  # which is never reached, so that screenshots can be taken
    expect(state(other)).to_contain_text("PURSUING")
    wait_frames(other, 2, "imagined")
    expect(other.locator("img.feed-goal[data-count]")).to_be_visible()
    expect(other.locator(f"{PLAN} circle")).to_have_count(1)  # the end of the plan
    assert other.locator(f"{PLAN} polyline").count() > 10  # and the candidates
    shoot(other, "pursuing")
    other.get_by_text("3D view").click()
    expect(other.locator(".nicegui-scene canvas, canvas.nicegui-scene")).to_be_visible()
    expect(other.get_by_role("cell", name="dx", exact=True)).to_be_visible()
    button(other, "Cancel goal").click()
    expect(state(other)).to_contain_text("CANCELED")
    expect(other.locator(PLAN)).to_have_count(0)  # a plan that is over is not drawn


def test_a_goal_taken_from_the_present_view_is_reached(page: Page, other: Page) -> None:
    away = wait_rest(page)
    send(page)
    expect(state(page)).to_contain_text("REACHED")
    expect(state(other)).to_contain_text("REACHED")
    assert np.abs(wait_rest(page).astype(int) - away).mean() > STILL  # it has moved back


def test_escape_stops_the_arm_and_release_lets_it_go_on(page: Page, goal_file: Path) -> None:
    expect(button(page, "Release")).to_be_disabled()
    upload(page, goal_file)
    send(page, 1e-9)
    expect(state(page)).to_contain_text("PURSUING")
    page.keyboard.press("Escape")
    expect(page.locator("#stop-answer")).to_contain_text("the arm holds")
    expect(state(page)).to_contain_text("STOPPED")
    wait_rest(page)
    send(page)
    expect(page.locator(".told")).to_contain_text("goal rejected: ~/stop was called")
    button(page, "OK").click()
    button(page, "Release").click()
    expect(state(page)).to_contain_text("IDLE")


def test_a_hold_is_shown_with_its_reason(
    robot: Any, page: Page, goal_file: Path, shoot: Callable[[Page, str], None]
) -> None:
    upload(page, goal_file)
    send(page, 1e-9)
    expect(state(page)).to_contain_text("PURSUING")
    robot.simulator.process.send_signal(signal.SIGSTOP)  # no images come
    try:
        expect(state(page)).to_contain_text("HOLDING")
        expect(page.locator(".state-text")).to_contain_text("no new image")
        shoot(page, "holding")
    finally:
        robot.simulator.process.send_signal(signal.SIGCONT)
    button(page, "Cancel goal").click()
    expect(state(page)).to_contain_text("CANCELED")


def test_the_stop_button_needs_no_web_socket(page: Page) -> None:
    page.evaluate("window.socket.disconnect()")  # NiceGUI's, over which all else goes
    page.locator("#stop").click()
    expect(page.locator("#stop-answer")).to_contain_text("the arm holds")
    page.reload()
    expect(state(page)).to_contain_text("STOPPED")
    button(page, "Release").click()
    expect(state(page)).to_contain_text("IDLE")


def test_stop_is_there_without_scripts(open_page: Callable[..., Page], page: Page) -> None:
    plain = open_page(java_script_enabled=False)
    plain.locator("#stop").click()
    expect(plain.get_by_text("the arm holds")).to_be_visible()
    plain.context.close()
    expect(state(page)).to_contain_text("STOPPED")
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
    button(page, "Clear").click()  # without a next goal, the present view is stored
    page.get_by_label("Name").fill("home")
    button(page, "Store").click()
    expect(page.get_by_text("the goal is stored as home")).to_be_visible()
    page.get_by_label("Stored goal").click()
    page.get_by_role("option", name="home").click()
    expect(page.get_by_text("Stored goal home", exact=True)).to_be_visible()
    button(page, "Add as sub-goal").click()
    expect(page.get_by_text("Sub-goals first: 1. Stored goal home")).to_be_visible()
    button(page, "Take present view").click()
    send(page)
    expect(state(page)).to_contain_text("REACHED")


def test_settings_are_changed_within_their_ranges(page: Page) -> None:
    page.get_by_text("Settings you can change now").click()
    page.get_by_label("Filter").fill("session.timeout")
    field = page.locator(".setting:visible input")
    expect(field).to_have_count(1)
    field.fill("-1")
    field.blur()
    button(page, "Apply").click()
    expect(page.locator(".told")).to_contain_text("session.timeout")
    expect(page.locator(".told.not-done")).to_be_visible()
    field.fill("45")
    button(page, "Apply").click()
    expect(page.locator(".told")).to_have_text("changed session.timeout to 45.0OK")


def test_the_speed_is_overridden(page: Page) -> None:
    slider = page.get_by_role("slider")
    box = slider.bounding_box()
    assert box
    slider.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    expect(page.get_by_text("changed commands.speed_override to 50.0")).to_be_visible()
    expect(page.locator(".figure", has_text="speed override")).to_contain_text("50 %")


def test_shadow_mode_is_entered_and_left(page: Page) -> None:
    switch = page.get_by_role("switch", name="Shadow mode")
    switch.click()
    answer(page, "Leave as it is")
    expect(switch).not_to_be_checked()
    switch.click()
    answer(page, "Switch")
    expect(page.locator(".state-text")).to_contain_text("shadow: ready for a goal")
    expect(switch).to_be_enabled()
    switch.click()
    answer(page, "Switch")
    expect(page.locator(".state-text")).to_have_text("ready for a goal")


def test_a_page_from_elsewhere_can_neither_stop_nor_listen(
    robot: Any, page: Page, open_page: Callable[..., Page]
) -> None:
    status, text = post(f"{robot.url}stop", Origin="http://evil.example")
    assert status == 403
    assert "another web page" in text
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


def test_the_enabling_button_is_held_by_the_left_button_only(
    robot: Any, open_page: Callable[..., Page]
) -> None:
    process, url = robot.start_cockpit("port:=0", "enabling_button:=true")
    page = open_page(url)
    enable = page.locator("#enable")
    for _ in range(2):
        enable.hover()
        page.mouse.down()
        expect(enable).to_have_class("held")  # as the cockpit has answered
        page.mouse.up()
        expect(enable).not_to_have_class("held")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.mouse.down(button="right")
    wait_frames(page, 2)
    page.mouse.up(button="right")
    assert f"{url}enable" not in asked
    page.context.close()
    process.end()


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
    expect(page.locator(".state-text")).to_contain_text("emergency stop")
    page.keyboard.press("Escape")
    expect(page.locator("#stop-answer")).to_contain_text("STOP NOT CONFIRMED")
    shoot(page, "lost")


def test_a_page_without_its_cockpit_says_that_a_stop_was_not_done(robot: Any, page: Page) -> None:
    robot.cockpit.end()
    assert robot.cockpit.process.returncode == 0
    page.keyboard.press("Escape")
    expect(page.locator("#stop-answer")).to_contain_text("the cockpit did not answer")
