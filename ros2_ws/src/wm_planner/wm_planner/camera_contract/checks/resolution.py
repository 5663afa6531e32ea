"""The image is smaller than the training images."""

from wm_planner.camera_contract.check import Check, CheckInput, Measurement

LIMIT = 1.0
"""Smallest short side, as a fraction of the training images'."""


def measure(seen: CheckInput) -> Measurement:
    """Compare the short sides; a smaller image is enlarged and lacks details."""
    short = seen.short_side
    wanted = seen.expected.size
    return Measurement.at_least(
        short / wanted,
        LIMIT,
        f"The part of the image that the model sees has a short side of {short} pixels, training "
        f"had {wanted}: set the camera to a higher resolution.",
    )


CHECK = Check(measure)
