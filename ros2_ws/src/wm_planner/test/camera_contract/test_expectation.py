"""What the training images were like comes from the spec; impossible values are refused."""

from __future__ import annotations

from typing import Any

import pytest

from wm_planner.camera_contract import CameraExpectation
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
