"""The video of the demo: camera, goal image, and what the model imagines."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from sensor_msgs.msg import Image

from wm_planner.images import decode
from wm_planner.types import RgbImage

HEIGHT = 360  # [pixels]
CAPTION = 30  # [pixels] height of the caption's bar
STRIP = 96  # [pixels] height of the imagined frames at the bottom


class Recorder:
    """Records a frame for each image of the camera while a goal is set.

    The camera's image is on the left; the goal image, or that of the present sub-goal, is on the
    right. Below are the frames that the model predicts for the latest plan, and the image of that
    goal as the last.

    Attributes:
        frames: The recorded frames.
        imagined: The frames that the planner imagined last, from ``~/imagined``.
    """

    def __init__(self) -> None:
        self.frames: list[RgbImage] = []
        self._goals: Sequence[Image] = ()
        self._goal: Image | None = None
        self.imagined: Image | None = None
        self._caption = ""

    def start(self, goals: Sequence[Image], caption: str) -> None:
        """Record frames of sub-goals and goal, with a caption, from now on."""
        self._goals, self.imagined = goals, None
        self.follow(0, caption)

    def follow(self, index: int, caption: str) -> None:
        """Show the image of another sub-goal, or of the goal, and another caption."""
        if self._goals:
            self._goal, self._caption = self._goals[index], caption

    def stop(self) -> None:
        """Record nothing until the next goal."""
        self._goals, self._goal = (), None

    def imagine(self, message: Image) -> None:
        """Show the frames of ``~/imagined`` from now on."""
        self.imagined = message

    def __call__(self, message: Image) -> None:
        """Record a frame if a goal is set."""
        if self._goal is None:
            return
        frame = np.hstack([_scaled(decode(message)), _scaled(decode(self._goal))])
        frame = np.vstack([frame, self._strip(frame.shape[1])])
        frame[:CAPTION] = (frame[:CAPTION] * 0.4).astype(np.uint8)
        corner = (10, CAPTION - 9)
        cv2.putText(frame, self._caption, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255,) * 3, 1)
        self.frames.append(frame)

    def _strip(self, width: int) -> RgbImage:
        """Return the imagined frames, uint8 (STRIP, width, 3), black where there are none."""
        strip = np.zeros((STRIP, width, 3), dtype=np.uint8)
        if self.imagined is not None:
            frames = decode(self.imagined)
            scale = min(STRIP / frames.shape[0], width / frames.shape[1])
            small = cv2.resize(frames, None, fx=scale, fy=scale)
            top = (STRIP - small.shape[0]) // 2
            left = (width - small.shape[1]) // 2
            strip[top : top + small.shape[0], left : left + small.shape[1]] = small
        return strip


def _scaled(image: RgbImage) -> RgbImage:
    width = 2 * round(image.shape[1] * HEIGHT / image.shape[0] / 2)
    return np.asarray(cv2.resize(image, (width, HEIGHT)), dtype=np.uint8)
