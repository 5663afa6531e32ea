"""From settings and a model's spec to the decoder's policy and the camera's contract."""

from __future__ import annotations

from wm_planner.config import CameraConfig
from wm_planner.images.contract import SEVERITIES, CameraExpectation, CameraTolerances
from wm_planner.models.spec import ImageSpec


def expectation(image: ImageSpec) -> CameraExpectation:
    """What images should look like."""
    return CameraExpectation(
        height=image.size,
        width=image.size,
        channel_mean=tuple(image.channel_mean),
        channel_std=tuple(image.channel_std),
        camera_aspect=image.camera_aspect,
    )


def severities(config: CameraConfig) -> dict[str, str]:
    """What each finding does, by the name of its check; for ``CameraTolerances``."""
    return {name: getattr(config, name) for name in SEVERITIES}


def tolerances(config: CameraConfig) -> CameraTolerances:
    """Thresholds, and what each finding does."""
    return CameraTolerances(severities=severities(config))
