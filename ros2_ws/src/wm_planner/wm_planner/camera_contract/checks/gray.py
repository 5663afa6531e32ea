"""The image is gray, and the training's images were not."""

from wm_planner.camera_contract.check import Check, CheckInput, Measurement

COLORFUL = 0.02
"""Training images whose channels differ less [root mean square, in [0, 1]] were nearly gray."""

SHARE = 0.1
"""An image with a smaller share of the training's difference is gray."""

EXACT = 0.001
"""Difference of channels by rounding alone."""

_CAUSE = (
    "The image is gray: the topic is that of an infrared or monochrome camera, or the driver makes "
    "color gray when it compresses (a format like 'yuv422_yuy2; jpeg compressed mono8'). "
)


def measure(seen: CheckInput) -> Measurement | None:
    """Compare how much the channels of a pixel differ with training."""
    expected = seen.expected
    color = expected.color_difference if expected.color_known else expected.least_color_difference
    if color >= COLORFUL:
        return Measurement.at_least(
            seen.pixels.color,
            SHARE * color,
            f"{_CAUSE}The training images were in color: choose the color topic, or let the driver "
            "publish rgb8 or bgr8; for a goal image, take it with the color camera.",
        )
    if expected.color_known or (expected.channel_mean and color < EXACT):
        return None  # the training's images were gray, too
    return Measurement(
        seen.pixels.color,
        EXACT,
        seen.pixels.color < EXACT,
        f"{_CAUSE}model.yaml does not say whether the training images were, too: measure them with "
        "wm-planner doctor MODEL_DIR --dataset DIR, which prints what to add to model.yaml.",
        certain=False,
    )


CHECK = Check(measure, explained_by=("float_feed", "black", "constant", "near_zero", "saturated"))
