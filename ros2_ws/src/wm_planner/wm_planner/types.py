"""Types that the rooms hand to each other; only NumPy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RgbImage = NDArray[np.uint8]
"""An RGB image, uint8 (height, width, 3)."""

Vector = NDArray[np.float64]
"""Numbers of one moment, float64 (n,)."""


@dataclass(frozen=True)
class Observation:
    """What cameras and robot show at one moment, or should show at a goal.

    Attributes:
        images: One RGB image, uint8 (height, width, 3), for each view of the model, in the order
            of the spec's ``views``.
        proprio: Robot state (P,) in the spec's order and units; None if the model takes none.
        stamp: Stamp of the first image [s, ROS time]; NaN if the observation has none.
    """

    images: tuple[RgbImage, ...]
    proprio: Vector | None = None
    stamp: float = math.nan
