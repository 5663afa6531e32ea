"""The video of the demo: the camera beside the goal image."""

from __future__ import annotations

import cv2
import numpy as np
from sensor_msgs.msg import Image

from wm_planner.images import decode
from wm_planner.types import RgbImage
from wm_planner_sim.demo.live import LiveView

HEIGHT = 360  # [pixels]
CAPTION = 30  # [pixels] height of the caption's bar


class Recorder:
    """Records a frame for each image of the camera while a goal is set.

    Args:
        live: Window that also shows each frame.

    Attributes:
        frames: The recorded frames.
        goal: The goal image, None between goals.
        caption: Text on the next frames.
    """

    def __init__(self, live: LiveView | None = None) -> None:
        self._live = live
        self.frames: list[RgbImage] = []
        self.goal: Image | None = None
        self.caption = ""

    def __call__(self, message: Image) -> None:
        """Record a frame if a goal is set."""
        if self.goal is None:
            return
        frame = np.hstack([_scaled(decode(message)), _scaled(decode(self.goal))])
        frame[:CAPTION] = (frame[:CAPTION] * 0.4).astype(np.uint8)
        corner = (10, CAPTION - 9)
        cv2.putText(frame, self.caption, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255,) * 3, 1)
        if self._live:
            self._live.show(frame)
        self.frames.append(frame)


def _scaled(image: RgbImage) -> RgbImage:
    width = 2 * round(image.shape[1] * HEIGHT / image.shape[0] / 2)
    return np.asarray(cv2.resize(image, (width, HEIGHT)), dtype=np.uint8)
