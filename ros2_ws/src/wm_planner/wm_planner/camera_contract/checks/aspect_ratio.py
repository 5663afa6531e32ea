"""The image has another shape than the training camera's."""

from wm_planner.camera_contract.check import Check, CheckInput, Measurement

LIMIT = 0.05
"""Largest relative difference of the aspect ratios."""

WIDEST = 16 / 9
"""Widest image that is accepted if the training camera's shape is unknown."""


def measure(seen: CheckInput) -> Measurement:
    """Compare width over height; a square training image may be cropped from up to 16:9."""
    known = seen.expected.camera_aspect
    low, high = (known, known) if known else (1.0, WIDEST)
    ratio = seen.width / seen.height
    wanted = f"{known:.2f}" if known else f"1 to {WIDEST:.2f}"
    return Measurement.at_most(
        max(ratio / high, low / ratio, 1.0) - 1.0,
        LIMIT,
        f"The image has {seen.width}x{seen.height} pixels, a width over height of {ratio:.2f}; "
        f"training had {wanted}. The model sees another part of the scene, or a rotated or "
        "stretched image: set the camera to a resolution of the training camera's shape.",
    )


CHECK = Check(measure)
