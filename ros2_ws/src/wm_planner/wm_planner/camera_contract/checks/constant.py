"""The image has one color only."""

from wm_planner.camera_contract.check import Check, CheckInput, Measurement

LIMIT = 2 / 255
"""An image whose channels all have a smaller standard deviation, in [0, 1], shows nothing."""


def measure(seen: CheckInput) -> Measurement:
    """Look at the largest standard deviation of a channel."""
    return Measurement.at_least(
        seen.pixels.spread,
        LIMIT,
        "The whole image has one color: check whether the camera sends a test image or is covered.",
    )


CHECK = Check(measure, explained_by=("float_feed", "black"))
