"""All values are near zero: the upper bits are missing."""

from wm_planner.camera_contract.check import Check, CheckInput, Measurement

LIMIT = 16.5 / 255
"""A 12-bit image that is read as a 16-bit one stays below this, also rounded to 8 bits."""


def measure(seen: CheckInput) -> Measurement:
    """Look at the value that 99.5 % do not exceed; for dark training images the limit is lower."""
    pairs = zip(seen.expected.channel_mean, seen.expected.channel_std, strict=True)
    expected_bright = min(1.0, max((mean + 2 * std for mean, std in pairs), default=1.0))
    return Measurement.at_least(
        seen.pixels.bright,
        min(LIMIT, expected_bright / 4),
        "All values are near zero. If the camera sends 10 or 12 bits in 16, set images.bit_depth; "
        "if it sends floats, correct images.float_range; otherwise check the light.",
    )


CHECK = Check(measure, explained_by=("float_feed", "black", "constant"))
