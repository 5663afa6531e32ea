"""Camera faults over DDS: each ends the goal with its error code and holds the arm."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from reached import NEAR, check_reached
from sensor_msgs.msg import Image
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus

from wm_planner_sim.simulator import seeds

pytestmark = pytest.mark.dds
SEEDS = seeds.EVALUATION[2000:]
LONG = 600.0  # [s] a timeout that no test waits for
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


def _as(image: Image, encoding: str, pixels: np.ndarray, step: int) -> Image:
    copy = _changed(image, lambda pixels: pixels)
    copy.encoding, copy.step = encoding, step
    copy.data = array.array("B", np.ascontiguousarray(pixels).tobytes())
    return copy


def _luma(image: Image) -> np.ndarray:
    pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
    return pixels.mean(axis=2).astype(np.uint8)


def _infrared(image: Image) -> Image:
    return _as(image, "mono8", _luma(image), image.width)


def _gray_labeled_color(image: Image) -> Image:
    return _as(image, "rgb8", _luma(image)[..., None].repeat(3, axis=2), 3 * image.width)


def _labeled_mono8(image: Image) -> Image:
    return _as(image, "mono8", np.frombuffer(image.data, np.uint8), image.step)


def _twelve_bits(image: Image) -> Image:
    return _as(image, "mono16", _luma(image).astype("<u2") * 16 + 15, 2 * image.width)


def _short(image: Image) -> Image:
    copy = _changed(image, lambda pixels: pixels)
    copy.data = copy.data[:-100]
    return copy


class _Frozen:
    """Repeats one image with new stamps."""

    def __init__(self) -> None:
        self._first: Image | None = None

    def __call__(self, image: Image) -> Image:
        self._first = self._first or image
        self._first.header.stamp = image.header.stamp
        return self._first


def _pursue(client: Any, seed: int, spoil: Callable[[Image], Image | None]) -> Any:
    """Start a goal, spoil the camera once the arm moves, and return the result."""
    handle = client.begin(seed)
    client.spoil = spoil
    answer = client.result(handle)
    client.wait_held()
    return answer.result


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (_swapped, "channel_swap"),
        (_black, "black"),
        (_unit_floats_cast, "float_feed"),
        (_infrared, "gray"),
    ],
)
def test_an_image_unlike_training_ends_the_goal_with_its_finding(
    spoiler: Any, spoil: Callable[[Image], Image], name: str
) -> None:
    result = _pursue(spoiler, SEEDS[0], spoil)
    assert result.error_code == CONTRACT
    assert result.error_msg.startswith(f"{name} (")


def test_a_frozen_camera_ends_the_goal_while_the_arm_moves(spoiler: Any) -> None:
    spoiler.spoil = _Frozen()
    spoiler.reset(SEEDS[1])
    goal, _ = spoiler.sample_goal(SEEDS[1])
    handle = spoiler.send(ReachGoal.Goal(goal=Goal(images=[goal], tolerance=1e-9)), LONG)
    ending, states = handle.get_result_async(), set()
    spoiler.on_status = lambda status: states.add(status.state)
    spoiler.spin_until(ending.done)
    assert PlanStatus.HOLDING in states, "the arm holds before the camera counts as frozen"
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
def test_a_goal_without_usable_images_ends_after_the_image_timeout(
    spoiler: Any, spoil: Callable[[Image], Image | None]
) -> None:
    with spoiler.settings(session__image_timeout=1.0):
        result = _pursue(spoiler, SEEDS[2], spoil)
    assert result.error_code == ReachGoal.Result.NO_IMAGE


def test_the_arm_waits_during_a_pause_of_the_camera_and_then_reaches_the_goal(
    spoiler: Any,
) -> None:
    spoiler.reset(SEEDS[5])
    goal, position = spoiler.sample_goal(SEEDS[5])
    steps: list[Any] = []
    handle = spoiler.send(ReachGoal.Goal(goal=Goal(images=[goal])), LONG, steps.append)
    assert handle.accepted, spoiler.rejection.message
    spoiler.spin_until(lambda: steps)
    spoiler.spoil = lambda image: None
    status = spoiler.wait_status("holding: no new image to plan from for")
    no_image = ReachGoal.Result.NO_IMAGE
    assert (status.state, status.error_code) == (PlanStatus.HOLDING, no_image)
    spoiler.spin_until(spoiler.told_to_stay)
    spoiler.spoil = lambda image: image
    answer = spoiler.result(handle)
    assert answer.result.error_code == ReachGoal.Result.NONE, answer.result.error_msg
    spoiler.settle()
    assert spoiler.distance(position) < NEAR


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(_short, "100 bytes short"), (lambda image: None, "no usable message on /spoiled for")],
    ids=["refused", "silent"],
)
def test_image_problems_are_in_status_and_diagnostics(
    spoiler: Any, spoil: Callable[[Image], Image | None], words: str
) -> None:
    cameras: list[DiagnosticStatus] = []

    def on_diagnostics(message: DiagnosticArray) -> None:
        cameras.extend(s for s in message.status if s.name == "spoiled_planner: camera")

    spoiler.spin_until(lambda: spoiler.status.inputs_ready)
    subscription = spoiler.create_subscription(DiagnosticArray, "/diagnostics", on_diagnostics, 10)
    dropped = spoiler.status.images_dropped
    with spoiler.settings(session__image_timeout=1.0):
        spoiler.spoil = spoil
        try:
            spoiler.spin_until(lambda: cameras and words in cameras[-1].message)
            spoiler.spin_until(lambda: words in " ".join(spoiler.status.warnings))
            spoiler.spin_until(lambda: not spoiler.status.inputs_ready)
        finally:
            spoiler.destroy_subscription(subscription)
    assert cameras[-1].level == DiagnosticStatus.ERROR
    if spoil is _short:
        spoiler.spin_until(lambda: spoiler.status.images_dropped > dropped + 5)


@pytest.mark.parametrize(
    ("spoil", "name"), [(_swapped, "channel_swap"), (_black, "black"), (_infrared, "gray")]
)
def test_a_goal_image_unlike_training_is_rejected_with_its_finding(
    spoiler: Any, spoil: Callable[[Image], Image], name: str
) -> None:
    goal, _ = spoiler.sample_goal(SEEDS[3])
    assert not spoiler.send(ReachGoal.Goal(goal=Goal(images=[spoil(goal)])), LONG).accepted
    assert spoiler.rejection.error_code == CONTRACT
    assert f"the goal image: {name} (" in spoiler.rejection.message


def test_the_goal_s_image_without_the_arm_s_motion_does_not_reach_the_goal(spoiler: Any) -> None:
    goal, position = spoiler.sample_goal(SEEDS[6])

    def show_goal(image: Image) -> Image:
        goal.header.stamp = image.header.stamp
        goal.data[0] ^= 1  # not a frozen camera
        return goal

    spoiler.reset(SEEDS[6])
    assert spoiler.distance(position) > 0.1
    steps: list[Any] = []
    # Slow, because on a busy machine the arm goes on before the images change.
    with spoiler.settings(commands__speed_override=5.0):
        handle = spoiler.send(ReachGoal.Goal(goal=Goal(images=[goal])), LONG, steps.append)
        assert handle.accepted, spoiler.rejection.message
        spoiler.spin_until(lambda: steps)
        spoiler.spoil = show_goal
        result = spoiler.result(handle).result
        assert result.error_code == ReachGoal.Result.IMPLAUSIBLE, result.error_msg
        assert "does another node publish the images" in result.error_msg
        spoiler.wait_held()
    assert spoiler.distance(position) > 0.05


@pytest.mark.parametrize("spoil", [_infrared, _gray_labeled_color], ids=["mono8", "rgb8"])
def test_gray_images_end_the_goal_before_the_arm_moves(
    spoiler: Any, spoil: Callable[[Image], Image]
) -> None:
    spoiler.reset(SEEDS[7])
    goal, _ = spoiler.sample_goal(SEEDS[7])

    def told() -> bool:
        return "The image is gray" in " ".join(spoiler.status.warnings)

    spoiler.spin_until(lambda: not told())  # of an earlier test
    spoiler.spoil = spoil
    spoiler.spin_until(told)
    spoiler.commands.clear()
    handle = spoiler.send(ReachGoal.Goal(goal=Goal(images=[goal])), LONG)
    result = spoiler.result(handle).result
    assert result.error_code == CONTRACT
    assert result.error_msg.startswith("gray (0): The image is gray")
    assert spoiler.commands == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_labeled_mono8, "step and data have 3 bytes a pixel (as rgb8 or bgr8), but mono8 has 1"),
        (_twelve_bits, "these are 12 bits in 16"),
    ],
)
def test_images_that_contradict_their_label_are_refused_by_name(
    spoiler: Any, spoil: Callable[[Image], Image], words: str
) -> None:
    with spoiler.settings(session__image_timeout=1.0):
        result = _pursue(spoiler, SEEDS[2], spoil)
        assert result.error_code == ReachGoal.Result.NO_IMAGE
        spoiler.spin_until(lambda: words in " ".join(spoiler.status.warnings))
        spoiler.spin_until(lambda: not spoiler.status.inputs_ready)


def test_a_camera_that_recovers_lets_the_next_goal_succeed(spoiler: Any) -> None:
    spoiler.reset(SEEDS[4])
    goal, position = spoiler.sample_goal(SEEDS[4])
    episode = spoiler.reach(SEEDS[4], goal, position, LONG)
    check_reached(episode)
