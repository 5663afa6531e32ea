"""Messages that the cockpit reads."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from geometry_msgs.msg import Point
from sensor_msgs.msg import CompressedImage, Image
from wm_planner_msgs.msg import Search

from wm_planner.images.opencv import cv2


def raw(pixels: Any, encoding: str = "rgb8", **fields: Any) -> Image:
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    message = Image(height=height, width=width, step=width * channels, encoding=encoding, **fields)
    message.data = array("B", pixels.tobytes())
    return message


def png(pixels: Any) -> CompressedImage:
    done, data = cv2().imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))
    assert done
    return CompressedImage(format="png", data=data.tobytes())


BROKEN = Image(height=6, width=8, step=1, encoding="rgb8", data=b"x")


def at(x: float, y: float = 0.0, z: float = 0.0) -> Point:
    return Point(x=x, y=y, z=z)


def search(**fields: Any) -> Search:
    """Return a search with a path of two points and three candidates."""
    usual = {
        "path": [at(0.1), at(0.2)], "candidates": [at(0.1)] * 6, "actions": [0.1, 0.2],
        "candidate_costs": [1.0, 2.0, 3.0], "cost_history": [3.0, 1.0], "deviations": [0.1, 0.1],
    }  # fmt: skip
    return Search(**{**usual, **fields})
