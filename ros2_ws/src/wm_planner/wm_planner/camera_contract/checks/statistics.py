"""The channel means are far from those of training."""

import numpy as np

from wm_planner.camera_contract.check import Check, CheckInput, Measurement

LIMIT = 1.0
"""Largest distance of a channel's mean from training [standard deviations in training]."""

SMALLEST_STD = 0.02
"""Standard deviation that is used if the training's is smaller."""


def measure(seen: CheckInput) -> Measurement | None:
    """Measure the largest distance of a channel's mean from training."""
    expected, mean = seen.expected, seen.pixels.mean
    if not expected.channel_mean:
        return None
    std = np.maximum(expected.channel_std, SMALLEST_STD)
    distance = np.abs(mean - np.array(expected.channel_mean)) / std
    worst = int(distance.argmax())
    return Measurement.at_most(
        float(distance[worst]),
        LIMIT,
        f"The mean of {('red', 'green', 'blue')[worst]} is {mean[worst]:.2f}, in training it was "
        f"{expected.channel_mean[worst]:.2f}: camera, exposure, light or scene differ from "
        "training; make them alike, or train with such images.",
    )


CHECK = Check(measure)
