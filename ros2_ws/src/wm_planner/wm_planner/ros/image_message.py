"""Write images as messages."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image


def image_message(pixels: NDArray[np.uint8]) -> Image:
    """Return RGB (H, W, 3) as rgb8, or gray (H, W) as mono8, without padding and stamp."""
    height, width = pixels.shape[:2]
    color = pixels.ndim == 3
    message = Image(height=height, width=width, encoding="rgb8" if color else "mono8")
    message.step = width * (3 if color else 1)
    message.data = array("B", pixels.tobytes())  # rclpy checks bytes one by one
    return message
