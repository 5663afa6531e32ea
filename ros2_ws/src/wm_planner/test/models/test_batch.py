"""An observation becomes a batch, or a sentence says what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from wm_planner.models import ModelSpec
from wm_planner.models.batch import ObservationError, observation_batch
from wm_planner.models.spec import Moments, ProprioSpec
from wm_planner.types import Observation

CPU = torch.device("cpu")
IMAGES = tuple(np.full((12, 16, 3), shade, np.uint8) for shade in (10, 20, 30))


@pytest.fixture
def stateful(spec: ModelSpec) -> ModelSpec:
    """Two views and two proprio values."""
    spec.views = ["front", "wrist"]
    spec.proprio = ProprioSpec(["x", "y"], ["m", "m"])
    spec.statistics.proprio = Moments([0.0, 0.0], [1.0, 1.0])
    return spec


def test_a_batch_has_one_problem_and_one_frame(stateful: ModelSpec, device: str) -> None:
    batch = observation_batch(
        Observation(IMAGES[:2], np.array([0.1, 0.2])), stateful, torch.device(device)
    )
    for images, image in zip((batch.images, *batch.views), IMAGES, strict=False):
        assert (images.shape, images.dtype) == ((1, 1, 12, 16, 3), torch.uint8)
        np.testing.assert_array_equal(images[0, 0].cpu().numpy(), image)
    assert len(batch.views) == 1
    assert batch.proprio is not None
    assert batch.proprio.dtype == torch.float32
    assert batch.proprio.tolist() == [[pytest.approx([0.1, 0.2])]]
    assert batch.actions is None
    assert {t.device.type for t in (batch.images, *batch.views, batch.proprio)} == {device}


def test_a_model_of_images_alone_gets_no_proprio(spec: ModelSpec) -> None:
    batch = observation_batch(Observation(IMAGES[:1], np.array([0.1])), spec, CPU)
    assert batch.proprio is None
    assert batch.views == ()


@pytest.mark.parametrize(
    ("count", "proprio", "words"),
    [
        (2, None, r"size 2 \(x, y\); the observation's has size 0$"),
        (2, np.zeros(3), r"size 2 \(x, y\); the observation's has size 3$"),
        (0, np.zeros(2), r"per view \(front, wrist\); the observation has 0$"),
        (1, np.zeros(2), r"per view \(front, wrist\); the observation has 1$"),
        (3, np.zeros(2), r"per view \(front, wrist\); the observation has 3$"),
    ],
)
def test_a_wrong_number_of_images_or_values_is_refused(
    stateful: ModelSpec, count: int, proprio: Any, words: str
) -> None:
    with pytest.raises(ObservationError, match=words):
        observation_batch(Observation(IMAGES[:count], proprio), stateful, CPU)


def test_the_gray_observation_fits(stateful: ModelSpec) -> None:
    size = stateful.image.size
    batch = observation_batch(stateful.gray_observation(), stateful, CPU)
    assert batch.images.shape == batch.views[0].shape == (1, 1, size, size, 3)
    assert batch.proprio is not None
    assert not batch.proprio.any()
