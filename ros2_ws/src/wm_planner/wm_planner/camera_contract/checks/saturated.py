"""Most values are at the upper end."""

from wm_planner.camera_contract.check import Check, CheckInput, Measurement

LIMIT = 0.6
"""Largest fraction of values of 254 and 255; it is higher if the training images are brighter."""


def measure(seen: CheckInput) -> Measurement:
    """Look at the fraction of saturated values."""
    return Measurement.at_most(
        seen.pixels.saturated,
        max(LIMIT, *seen.expected.channel_mean, 0.0),
        "Most values are at the upper end: reduce the exposure, or correct images.float_range or "
        "images.bit_depth, which may be too small.",
    )


CHECK = Check(measure, explained_by=("constant",))
