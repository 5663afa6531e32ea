"""The camera contract, on the image in the middle of a recording."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import Result
from wm_planner.diagnosis.examined import Recording


def run(recording: Recording) -> Iterator[Result]:
    """Compare the image with the training's; not its shape, as datasets have cropped images."""
    images, camera = recording.episode.images, recording.loaded.camera
    if images is None:
        return
    found = camera.measure(camera.monitor(), images[len(images) // 2], live=False)
    yield from (result for result in found if result.name != "aspect_ratio")


CHECK = Check(("camera",), Recording, run)
