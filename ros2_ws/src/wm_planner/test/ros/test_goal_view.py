"""``~/goal`` shows what is pursued, also to those who come later, and never ends a goal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from loop_rig import LoopRig
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from wm_planner_msgs.msg import Goal as GoalMessage

from wm_planner.images import ImagePolicy, decode
from wm_planner.models import ModelSpec
from wm_planner.ros import log
from wm_planner.ros.plan_views import PlanViews
from wm_planner.types import Goal, Observation

pytestmark = pytest.mark.dds
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
RANDOM = np.random.default_rng(5)


def _pixels(height: int, width: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8)


def _goal(height: int = 96, width: int = 96, **goal: Any) -> Goal:
    return Goal(Observation((_pixels(height, width),)), **goal)


class Rig(LoopRig):
    """A loop whose goal is published as the node does it, and a node that may listen."""

    def __init__(self, spec: ModelSpec, planner: Node, listener: Node) -> None:
        super().__init__(spec)
        self.listener = listener
        self.views = PlanViews(planner, spec, self.loop.commander.actions)

    def pursue(self, *goals: Goal) -> None:
        self.loop.begin(goals, 0.0, self.now, self.steady)
        self.views.pursue(self.loop)

    def near(self) -> None:
        """Plan near the goal, which reaches a sub-goal."""
        self.step(0.19)
        self.views.pursue(self.loop)

    def listen(self) -> list[GoalMessage]:
        heard: list[GoalMessage] = []
        self.listener.create_subscription(GoalMessage, "planner/goal", heard.append, LATCHED)
        return heard


@pytest.fixture
def rig(spec: ModelSpec, make_node: Callable[..., Node], executor: SingleThreadedExecutor) -> Rig:
    planner, listener = make_node("planner"), make_node("listener")
    for node in (planner, listener):
        executor.add_node(node)
    return Rig(spec, planner, listener)


def _shown(image: Image) -> np.ndarray:
    return decode(image, ImagePolicy())


def test_who_comes_later_gets_the_goal_that_is_pursued(
    rig: Rig, spin_until: Callable[..., None]
) -> None:
    goal = _goal(60, 80)
    rig.pursue(goal)
    heard = rig.listen()
    spin_until(lambda: bool(heard))
    (message,) = heard
    (image,) = message.images
    assert (image.encoding, image.height, image.width, image.step) == ("rgb8", 60, 80, 240)
    np.testing.assert_array_equal(_shown(image), goal.observation.images[0])
    assert rig.loop.session
    assert message.tolerance == rig.loop.session.tolerance == 0.05, "that of the model"
    assert (len(message.proprio), len(message.masks)) == (0, 0)
    assert (message.name, message.file, message.current) == ("", "", False)


def test_every_view_is_shown_with_proprio_and_its_own_tolerance(
    rig: Rig, spin_until: Callable[..., None]
) -> None:
    images = _pixels(60, 80), np.ascontiguousarray(_pixels(60, 80)[:, ::2])
    rig.pursue(Goal(Observation(images, np.array([0.25, -1.0])), tolerance=0.25))
    heard = rig.listen()
    spin_until(lambda: bool(heard))
    (message,) = heard
    for image, pixels in zip(message.images, images, strict=True):
        np.testing.assert_array_equal(_shown(image), pixels)
    assert message.proprio.tolist() == [0.25, -1.0]
    assert message.tolerance == 0.25


def test_each_goal_and_sub_goal_is_published_once(
    rig: Rig, spin_until: Callable[..., None]
) -> None:
    heard = rig.listen()
    rig.views.pursue(rig.loop)  # there is none yet
    rig.pursue(_goal(tolerance=0.2), _goal(tolerance=0.3))
    spin_until(lambda: bool(heard))
    rig.step(0.21)
    rig.views.pursue(rig.loop)
    rig.near()
    spin_until(lambda: len(heard) == 2)
    rig.near()
    rig.pursue(_goal(tolerance=0.4))
    spin_until(lambda: len(heard) == 3)
    assert [message.tolerance for message in heard] == pytest.approx([0.2, 0.3, 0.4])


@pytest.mark.parametrize("crop", [[], [0.5, 0.0, 0.5, 1.0]])
def test_masks_have_the_size_of_their_images(
    rig: Rig, spec: ModelSpec, spin_until: Callable[..., None], crop: list[float]
) -> None:
    """The model sees the square in the middle of the part of the camera's image."""
    spec.image.camera_crop = crop
    weights = np.array([[[0.0, 1.0], [0.5, 0.2]], [[1.0, 1.0], [0.0, 0.0]]], np.float32)
    images = _pixels(60, 200), _pixels(64, 128)
    rig.pursue(Goal(Observation(images), weights=weights))
    heard = rig.listen()
    spin_until(lambda: bool(heard))
    masks = [_shown(mask)[..., 0] for mask in heard[0].masks]
    assert {mask.encoding for mask in heard[0].masks} == {"mono8"}
    left = 120 if crop else 70  # of the square in the first image
    wanted = np.zeros((60, 200), np.uint8)
    wanted[:30, left + 30 : left + 60] = 255
    wanted[30:, left : left + 30], wanted[30:, left + 30 : left + 60] = 128, 51
    np.testing.assert_array_equal(masks[0], wanted)
    left = 64 if crop else 32
    wanted = np.zeros((64, 128), np.uint8)
    wanted[:32, left : left + 64] = 255
    np.testing.assert_array_equal(masks[1], wanted)


def test_of_a_large_image_every_second_pixel_is_shown(
    rig: Rig, spin_until: Callable[..., None]
) -> None:
    large = np.zeros((1081, 2500, 3), np.uint8)
    large[::2, ::2] = 200
    weights = np.ones((1, 1, 1), np.float32)
    rig.pursue(Goal(Observation((large,)), weights=weights))
    heard = rig.listen()
    spin_until(lambda: bool(heard))
    ((image,), (mask,)) = heard[0].images, heard[0].masks
    assert (image.height, image.width) == (mask.height, mask.width) == (541, 1250)
    assert (_shown(image) == 200).all()


def test_a_goal_that_cannot_be_published_is_pursued(
    rig: Rig, spin_until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(log, "warning", lambda _, line: lines.append(line))
    rig.pursue(_goal(weights=np.ones((3, 2, 2), np.float32)))  # one image, three masks
    rig.step(0.9)
    rig.views.pursue(rig.loop)
    assert rig.loop.session
    assert ["~/goal" in line for line in lines] == [True]
    heard = rig.listen()
    rig.pursue(_goal(tolerance=0.5))
    spin_until(lambda: bool(heard))
    assert [message.tolerance for message in heard] == [0.5]
