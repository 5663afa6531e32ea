"""``~/goal``: what is pursued now, as a goal or sub-goal is seen by the planner."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from wm_planner_msgs.msg import Goal as GoalMessage

from wm_planner.control import GoalSession
from wm_planner.images.fit import seen_part
from wm_planner.models import ModelSpec
from wm_planner.models.spec import ImageSpec
from wm_planner.ros import log
from wm_planner.ros.image_message import image_message
from wm_planner.types import Goal, RgbImage

MOST_PIXELS = 2**21
"""Of an image that is shown: publishing a larger one would delay the commands."""


class GoalView:
    """Publishes the goal or sub-goal pursued, latched: late subscribers get the latest.

    Of larger images than ``MOST_PIXELS`` every second pixel is shown, or every third, and so on.

    Args:
        node: Carries the publisher.
        spec: Which part of the images the model sees.
    """

    def __init__(self, node: Node, spec: ModelSpec) -> None:
        self._node, self._image = node, spec.image
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._goal = node.create_publisher(GoalMessage, "~/goal", latched)
        self._shown: tuple[int, int] | None = None  # number of the goal, index of the sub-goal

    def close(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_publisher(self._goal)

    def publish(self, goal_id: int, session: GoalSession | None) -> None:
        """Publish what a session pursues, unless it was the last that was published.

        Args:
            goal_id: The goal's number.
            session: The goal under way; None if there is none.
        """
        if session is None or self._shown == (goal_id, session.index):
            return
        self._shown = goal_id, session.index
        try:
            self._goal.publish(_message(session.goal, session.tolerance, self._image))
        except Exception as error:  # the goal is pursued even if nobody can be shown it
            log.warning(self._node, f"the goal pursued cannot be published on ~/goal: {error!r}")


def _message(goal: Goal, tolerance: float, image: ImageSpec) -> GoalMessage:
    message, observation = GoalMessage(tolerance=tolerance), goal.observation
    images = [_small(pixels) for pixels in observation.images]
    message.images = [image_message(pixels) for pixels in images]
    if observation.proprio is not None:
        message.proprio = observation.proprio.tolist()
    if goal.weights is not None:
        pairs = zip(goal.weights, images, strict=True)
        masks = [_mask(weights, pixels.shape[:2], image) for weights, pixels in pairs]
        message.masks = [image_message(mask) for mask in masks]
    return message


def _small(pixels: RgbImage) -> RgbImage:
    """Return an image of at most ``MOST_PIXELS``."""
    height, width = pixels.shape[:2]
    step = 1
    while math.ceil(height / step) * math.ceil(width / step) > MOST_PIXELS:
        step += 1
    return pixels[::step, ::step]


def _mask(
    weights: NDArray[np.float32], size: tuple[int, int], image: ImageSpec
) -> NDArray[np.uint8]:
    """Return weights of tokens (rows, columns) as a mask (height, width); 255 counts fully.

    Each pixel has the weight of its token, those that the model does not see have none.
    """
    mask = np.zeros(size, np.uint8)
    part = mask[seen_part(*size, image.camera_crop, image.fit)]
    shades = np.round(255 * np.clip(weights, 0.0, 1.0)).astype(np.uint8)
    rows, columns = (
        np.arange(pixels) * tokens // pixels
        for pixels, tokens in zip(part.shape, shades.shape, strict=True)
    )
    part[:] = shades[np.ix_(rows, columns)]
    return mask
