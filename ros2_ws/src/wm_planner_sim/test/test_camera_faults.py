"""Camera faults in the loop: every one ends the goal with its code, the arm held."""

from __future__ import annotations

import array
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import Image
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import PlanStatus

from wm_planner_sim import seeds

pytestmark = pytest.mark.dds
SEEDS = seeds.EVALUATION[2000:]
LONG = 60.0  # [s] a timeout that no test waits for
CONTRACT = ReachGoal.Result.CAMERA_CONTRACT


def _changed(image: Image, change: Callable[[np.ndarray], np.ndarray]) -> Image:
    pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
    copy = Image(
        header=image.header, height=image.height, width=image.width, encoding=image.encoding,
        step=image.step,
    )  # fmt: skip
    copy.data = array.array("B", np.ascontiguousarray(change(pixels)).tobytes())
    return copy


def _swapped(image: Image) -> Image:
    return _changed(image, lambda pixels: pixels[..., ::-1])


def _black(image: Image) -> Image:
    return _changed(image, np.zeros_like)


def _unit_floats_cast(image: Image) -> Image:
    return _changed(image, lambda pixels: (pixels / 255.0).astype(np.uint8))


def _short(image: Image) -> Image:
    copy = _changed(image, lambda pixels: pixels)
    copy.data = copy.data[:-100]
    return copy


class _Frozen:
    """Repeats one picture, its stamps advancing."""

    def __init__(self) -> None:
        self._first: Image | None = None

    def __call__(self, image: Image) -> Image:
        self._first = self._first or image
        self._first.header.stamp = image.header.stamp
        return self._first


def _pursue(client: Any, seed: int, spoil: Callable[[Image], Image | None] | None) -> Any:
    """Start a goal, spoil the camera once the arm moves, and return the result."""
    client.reset(seed)
    goal, _ = client.sample_goal(seed)
    steps: list[Any] = []
    handle = client.send(ReachGoal.Goal(image=goal), LONG, steps.append)
    assert handle.accepted, client.rejection.message
    until = time.monotonic() + 10
    while not steps and time.monotonic() < until:
        client.spin_for(0.05)
    client.spoil = spoil
    answer = client.result(handle, 20.0)
    assert client.held()
    return answer.result


@pytest.mark.parametrize(
    ("spoil", "name"),
    [(_swapped, "channel_swap"), (_black, "black"), (_unit_floats_cast, "float_feed")],
)
def test_a_picture_unlike_training_ends_the_goal_by_name(
    spoiler: Any, spoil: Callable[[Image], Image], name: str
) -> None:
    result = _pursue(spoiler, SEEDS[0], spoil)
    assert result.error_code == CONTRACT
    assert result.error_msg.startswith(f"{name} (")


def test_a_frozen_camera_ends_the_goal_while_the_arm_moves(spoiler: Any) -> None:
    spoiler.spoil = _Frozen()
    spoiler.reset(SEEDS[1])
    goal, _ = spoiler.sample_goal(SEEDS[1])
    handle = spoiler.send(ReachGoal.Goal(image=goal), LONG)
    ending, states = handle.get_result_async(), set()
    until = time.monotonic() + 20
    while not ending.done() and time.monotonic() < until:
        spoiler.spin_for(0.05)
        states.add(spoiler.status.state)
    assert PlanStatus.HOLDING in states, "before it is sure"
    assert ending.result().result.error_code == CONTRACT
    assert ending.result().result.error_msg.startswith("frozen (")


def _before_time_began(image: Image) -> Image:
    copy = _changed(image, lambda pixels: pixels)
    copy.header.stamp.sec = -1
    return copy


@pytest.mark.parametrize(
    "spoil",
    [_short, _before_time_began, lambda image: None],
    ids=["undecodable", "negative stamp", "silent"],
)
def test_without_good_pictures_the_goal_ends_after_the_image_timeout(
    spoiler: Any, spoil: Callable[[Image], Image | None]
) -> None:
    result = _pursue(spoiler, SEEDS[2], spoil)
    assert result.error_code == ReachGoal.Result.NO_IMAGE


def test_during_a_pause_of_the_camera_the_arm_waits_and_then_the_goal_is_reached(
    spoiler: Any,
) -> None:
    assert spoiler.set_all(session__image_timeout=10.0).successful
    spoiler.reset(SEEDS[5])
    goal, position = spoiler.sample_goal(SEEDS[5])
    steps: list[Any] = []
    handle = spoiler.send(ReachGoal.Goal(image=goal), LONG, steps.append)
    assert handle.accepted, spoiler.rejection.message
    while not steps:
        spoiler.spin_for(0.01)
    spoiler.spoil = lambda image: None
    until = time.monotonic() + 5
    while spoiler.status.state != PlanStatus.HOLDING and time.monotonic() < until:
        spoiler.spin_for(0.05)
    assert spoiler.status.state == PlanStatus.HOLDING
    assert spoiler.status.error_code == ReachGoal.Result.NO_IMAGE
    assert "holding: nothing new to plan from for" in spoiler.status.message
    spoiler.spin_for(0.5)  # the stop has come
    assert np.allclose(spoiler.commands[-1], spoiler.commands[-2], rtol=0, atol=1e-6)
    spoiler.spoil = lambda image: image
    answer = spoiler.result(handle, LONG)
    assert answer.result.error_code == ReachGoal.Result.NONE, answer.result.error_msg
    assert spoiler.distance(position) < 0.02
    assert spoiler.set_all(session__image_timeout=1.0).successful


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(_short, "100 bytes short"), (lambda image: None, "nothing usable came on /spoiled for")],
    ids=["refused", "silent"],
)
def test_what_is_wrong_with_the_pictures_is_in_status_and_diagnostics(
    spoiler: Any, spoil: Callable[[Image], Image | None], words: str
) -> None:
    seen: list[DiagnosticStatus] = []
    subscription = spoiler.create_subscription(
        DiagnosticArray, "/diagnostics", lambda message: seen.extend(message.status), 10
    )
    spoiler.spin_for(0.5)
    assert spoiler.status.inputs_ready
    spoiler.spoil = spoil
    spoiler.spin_for(3.0)
    spoiler.destroy_subscription(subscription)
    assert not spoiler.status.inputs_ready
    cameras = [status for status in seen if status.name == "spoiled_planner: camera"]
    assert cameras
    assert cameras[-1].level == DiagnosticStatus.ERROR
    assert words in cameras[-1].message
    assert words in " ".join(spoiler.status.warnings)
    assert spoil is not _short or spoiler.status.images_dropped > 5


@pytest.mark.parametrize(("spoil", "name"), [(_swapped, "channel_swap"), (_black, "black")])
def test_a_goal_picture_unlike_training_is_rejected_by_name(
    spoiler: Any, spoil: Callable[[Image], Image], name: str
) -> None:
    goal, _ = spoiler.sample_goal(SEEDS[3])
    assert not spoiler.send(ReachGoal.Goal(image=spoil(goal)), LONG).accepted
    assert spoiler.rejection.error_code == CONTRACT
    assert f"the goal picture: {name} (" in spoiler.rejection.message


def test_a_camera_that_recovers_lets_the_next_goal_succeed(spoiler: Any) -> None:
    spoiler.reset(SEEDS[4])
    goal, position = spoiler.sample_goal(SEEDS[4])
    episode = spoiler.reach(SEEDS[4], goal, position, 8.0)
    assert episode.error_code == ReachGoal.Result.NONE, episode.message
    assert episode.final_distance < 0.02
