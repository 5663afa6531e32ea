"""The image is black."""

from wm_planner.camera_contract.check import Check, CheckInput, Measurement

LIMIT = 8 / 255
"""An image without a value above this, in [0, 1], is black."""


def measure(seen: CheckInput) -> Measurement:
    """Look at the largest value."""
    return Measurement(
        seen.pixels.top,
        LIMIT,
        seen.pixels.top <= LIMIT,
        "The image is black: check the lens cap, the light, the exposure, and whether a [0,1] "
        "float image was cast to 8 bits.",
    )


CHECK = Check(measure, explained_by=("float_feed",))
