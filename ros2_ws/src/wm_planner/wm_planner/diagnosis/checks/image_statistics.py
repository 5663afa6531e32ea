"""``image_statistics``: the colors of the training's images, if ``model.yaml`` lacks them."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from wm_planner.camera_contract import CameraExpectation
from wm_planner.datasets import measure_training_images
from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import WARN, Note, Result
from wm_planner.diagnosis.examined import OpenDataset


def run(dataset: OpenDataset) -> Iterator[Result | Note]:
    """Measure them on the dataset's images."""
    image, data = dataset.spec.image, dataset.data
    if image.channel_mean and CameraExpectation.from_spec(image).color is not None:
        return
    if not data.has_images:
        yield Note("The dataset has no images, so the training's colors cannot be measured.")
        return
    measured = vars(measure_training_images(data, image.color_order, dataset.loaded.progress))
    lines = yaml.safe_dump(measured, default_flow_style=None, width=1000, sort_keys=False)
    yield Result(
        "image_statistics",
        1.0,
        0.0,
        WARN,
        "model.yaml does not say which colors the training images had, so the planner cannot tell "
        "wrong colors or gray images. Replace these lines in its section image: "
        + ", ".join(lines.strip().splitlines()),
    )


CHECK = Check(("image_statistics",), OpenDataset, run)
