"""A float image in [0, 1] was cast to 8 bits."""

from wm_planner.camera_contract.check import Check, CheckInput, Measurement

LIMIT = 1.5 / 255
"""Upper end of the values that count as 1 of 255."""


def measure(seen: CheckInput) -> Measurement:
    """Look whether the largest value is 1 of 255."""
    return Measurement(
        seen.pixels.top,
        LIMIT,
        LIMIT / 3 < seen.pixels.top <= LIMIT,
        "No value exceeds 1 of 255: this looks like a [0,1] float image that was cast to 8 bits. "
        "Let the driver scale it by 255, or publish 32FC3 and set images.float_range.",
    )


CHECK = Check(measure)
