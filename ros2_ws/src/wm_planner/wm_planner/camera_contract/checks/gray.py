"""The image is gray, and the training's images were not."""

from wm_planner.camera_contract.check import Check, CheckInput, Measurement
from wm_planner.camera_contract.expectation import COLORFUL, EXACT

SHARE = 0.1
"""An image with a smaller share of the training's difference is gray."""

_CAUSE = (
    "The image is gray: the topic is that of an infrared or monochrome camera, or the driver makes "
    "color gray when it compresses (a format like 'yuv422_yuy2; jpeg compressed mono8'). "
)


def measure(seen: CheckInput) -> Measurement | None:
    """Compare how much the channels of a pixel differ with training."""
    color = seen.expected.color
    if color is not None and color < COLORFUL:
        return None  # training's images were gray, or nearly so
    if color is not None:
        return Measurement.at_least(
            seen.pixels.color,
            SHARE * color,
            f"{_CAUSE}The training images were in color: choose the color topic, or let the driver "
            "publish rgb8 or bgr8; for a goal image, take it with the color camera.",
        )
    return Measurement(
        seen.pixels.color,
        EXACT,
        seen.pixels.color < EXACT,
        f"{_CAUSE}model.yaml does not say whether the training images were, too: measure them with "
        "wm-planner doctor MODEL_DIR --dataset DIR, which prints what to add to model.yaml.",
        certain=False,
    )


CHECK = Check(measure, explained_by=("float_feed", "black", "constant", "near_zero", "saturated"))
