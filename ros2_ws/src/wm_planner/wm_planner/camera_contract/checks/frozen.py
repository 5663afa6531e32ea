"""The image does not change while the robot moves."""

from wm_planner.camera_contract.check import Check, CheckInput, Measurement

LIMIT = 1.0
"""Longest time without a changed pixel while the robot moves [s, by the stamps]."""


def measure(seen: CheckInput) -> Measurement:
    """Compare the time without a changed pixel with its limit."""
    return Measurement.at_most(
        seen.unchanged,
        LIMIT,
        f"No pixel has changed for {seen.unchanged:.1f} s although stamps advance and the robot "
        "moves: the camera or its driver repeats one image; restart it.",
    )


CHECK = Check(measure)
