"""The enabling button: held only as long as the browser says so, and false in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import Bool

from wm_planner.cockpit import enabling_button
from wm_planner.cockpit.enabling_button import HELD, EnablingButton


@pytest.fixture
def clock(clock_of: Callable[..., Any]) -> Any:
    return clock_of(enabling_button)


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    return make_node("cockpit", namespace="/cell")


@pytest.fixture
def button(clock: Any, node: Node) -> EnablingButton:
    return EnablingButton(node)


def test_it_is_not_held_at_first(button: EnablingButton) -> None:
    assert not button.held


def press(button: EnablingButton) -> str:
    """Send the first two requests of a press; return the word of the second answer."""
    return button.hold(button.hold(""))


def test_it_is_held_until_the_browser_is_silent(button: EnablingButton, clock: Any) -> None:
    word = press(button)
    assert button.held
    clock.now += HELD - 0.01
    assert button.held
    button.hold(word)
    clock.now += HELD - 0.01
    assert button.held, "each request counts anew"
    clock.now += 0.02
    assert not button.held


def test_letting_go_counts_at_once(button: EnablingButton) -> None:
    press(button)
    button.let_go()
    assert not button.held


def test_a_request_that_comes_after_letting_go_holds_nothing(button: EnablingButton) -> None:
    word = press(button)
    button.let_go()
    assert button.hold(word) != word
    assert not button.held


def test_a_request_that_was_held_up_holds_nothing(button: EnablingButton, clock: Any) -> None:
    word = press(button)
    clock.now += HELD + 0.01
    button.hold(word)
    assert not button.held


@pytest.mark.parametrize("word", ["", "1", "let go", "\ufffd"])
def test_a_request_without_the_last_word_holds_nothing(button: EnablingButton, word: str) -> None:
    button.hold("")
    button.hold(word)
    assert not button.held


def test_a_press_from_two_pages_at_once_holds_nothing(button: EnablingButton) -> None:
    words = ["", ""]
    for _ in range(5):
        words = [button.hold(word) for word in words]
    assert not button.held


@pytest.mark.dds
def test_the_planner_hears_all_the_time_whether_it_is_held(
    button: EnablingButton, clock: Any, node: Node, make_node: Callable[..., Node], spin_until: Any
) -> None:
    heard: list[bool] = []
    planner = make_node("planner", namespace="/cell")
    planner.create_subscription(Bool, "enable", lambda m: heard.append(m.data), QoSProfile(depth=1))

    def hears(held: bool) -> None:
        heard.clear()
        spin_until(lambda: heard[-2:] == [held, held], node, planner)

    hears(False)
    press(button)
    hears(True)
    clock.now += 2 * HELD  # the browser has crashed
    hears(False)


@pytest.mark.dds
def test_it_is_published_in_the_cockpit_s_namespace(button: EnablingButton, node: Node) -> None:
    names = [publisher.topic_name for publisher in node.publishers]
    assert "/cell/enable" in names
