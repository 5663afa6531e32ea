"""Red and blue are exchanged."""

import numpy as np

from wm_planner.camera_contract.check import Check, CheckInput, Measurement

LIMIT = 0.25
"""-1: the training's colors, 0: gray, 1: the training's colors with red and blue exchanged."""

COLORFUL = 0.02
"""Smallest difference of red and blue in the training statistics that reveals an exchange."""


def measure(seen: CheckInput) -> Measurement | None:
    """Decide whether the statistics fit training better with red and blue exchanged.

    Let e be the training's red minus blue (of means and of standard deviations) and p the image's.
    The squared distances of the image to the training's statistics and to the exchanged ones differ
    by -4 e.p; divided by 4 e.e this is -1 for the training's colors, 0 for gray, 1 if exchanged.
    """
    expected, image = seen.expected, seen.pixels
    if not expected.channel_mean:
        return None
    e = np.array([v[0] - v[2] for v in (expected.channel_mean, expected.channel_std)])
    p = np.array([v[0] - v[2] for v in (image.mean, image.std)])
    if float(np.hypot(*e)) < COLORFUL:
        return None
    return Measurement.at_most(
        float(-(e @ p) / (e @ e)),
        LIMIT,
        "The colors fit the training images better with red and blue exchanged: the driver "
        "publishes BGR as rgb8 or RGB as bgr8, or images.generic_color_order is wrong.",
    )


CHECK = Check(measure)
