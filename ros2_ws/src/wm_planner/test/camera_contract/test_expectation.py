"""What the training images were like comes from the spec; impossible values are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wm_planner.camera_contract import CameraExpectation, CameraMonitor
from wm_planner.models.spec import ImageSpec


def test_expectation_has_size_statistics_and_shape_of_the_spec() -> None:
    image = ImageSpec(64, channel_mean=[0.1] * 3, channel_std=[0.2] * 3, camera_aspect=1.5)
    expected = CameraExpectation.from_spec(image)
    assert expected == CameraExpectation(64, (0.1,) * 3, (0.2,) * 3, camera_aspect=1.5)


@pytest.mark.parametrize(
    "settings",
    [
        {"size": 0},
        {"size": 5, "camera_aspect": -1.0},
        {"size": 5, "channel_mean": (0.5, 0.5, 0.5)},
        {"size": 5, "channel_mean": (99, 0, 0), "channel_std": (1, 1, 1)},
        {"size": 5, "channel_mean": (0.5,), "channel_std": (0.1,)},
    ],
)
def test_impossible_values_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        CameraExpectation(**settings)


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({}, (slice(0, 48), slice(8, 56))),
        ({"fit": "squash"}, (slice(0, 48), slice(0, 64))),
        ({"fit": "squash", "camera_crop": [0.25, 0, 0.5, 0.5]}, (slice(0, 24), slice(16, 48))),
        ({"fit": "crop", "camera_crop": [0.25, 0, 0.5, 0.5]}, (slice(0, 24), slice(20, 44))),
    ],
)
def test_only_the_part_that_the_model_sees_is_measured(settings: Any, seen: Any) -> None:
    """A black image with color in that part alone is no black one, and the other way round."""
    image = ImageSpec(size=8, **settings)
    monitor = CameraMonitor(CameraExpectation.from_spec(image))
    inside = np.zeros((48, 64, 3), np.uint8)
    inside[seen] = np.random.default_rng(0).integers(0, 256, inside[seen].shape)
    outside = np.random.default_rng(1).integers(0, 256, inside.shape, np.uint8)
    outside[seen] = 0
    names = [{finding.name for finding in monitor.check(picture)} for picture in (inside, outside)]
    assert "black" not in names[0]
    assert "black" in names[1]


def test_the_resolution_is_that_of_the_part_that_the_model_sees() -> None:
    image = ImageSpec(size=32, fit="squash", camera_crop=[0.0, 0.0, 0.5, 0.5])
    monitor = CameraMonitor(CameraExpectation.from_spec(image))
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    assert "resolution" in {finding.name for finding in monitor.check(picture)}
