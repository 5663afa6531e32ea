"""An observation becomes a batch, or a sentence says what does not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from wm_planner.models import ModelSpec
from wm_planner.models.batch import ObservationError, observation_batch
from wm_planner.models.spec import Moments, ProprioSpec
from wm_planner.types import Observation, Past

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


def _seen(stateful: ModelSpec, count: int) -> tuple[Observation, Past]:
    """An observation, and what was seen before it: brighter from frame to frame."""
    frames = [
        Observation(tuple(image + shade for image in IMAGES[:2]), np.array([shade, 0.5]))
        for shade in range(count + 1)
    ]
    names = len(stateful.action.names) * stateful.frameskip
    actions = np.arange(count * names, dtype=np.float64).reshape(count, names)
    return frames[-1], Past(tuple(frames[:-1]), actions)


def test_what_was_seen_comes_first_with_the_normalized_actions(stateful: ModelSpec) -> None:
    stateful.num_hist, stateful.frameskip = 3, 2
    newest, past = _seen(stateful, 2)
    batch = observation_batch(newest, stateful, CPU, past)
    for images, shade in zip((batch.images, *batch.views), (10, 20), strict=True):
        assert images.shape == (1, 3, 12, 16, 3)
        assert images[0, :, 0, 0, 0].tolist() == [shade, shade + 1, shade + 2]
    assert batch.proprio is not None
    assert batch.actions is not None
    assert batch.proprio[0, :, 0].tolist() == [0.0, 1.0, 2.0]
    expected = stateful.normalize_actions(past.actions)
    np.testing.assert_allclose(batch.actions[0].numpy(), expected, rtol=1e-6)
    assert batch.actions.dtype == torch.float32


def test_an_empty_past_is_none(stateful: ModelSpec) -> None:
    newest, _ = _seen(stateful, 0)
    assert observation_batch(newest, stateful, CPU, Past()).actions is None


def test_a_past_that_does_not_fit_is_refused(stateful: ModelSpec) -> None:
    stateful.num_hist = 3
    newest, past = _seen(stateful, 2)
    wide = Observation(tuple(np.zeros((12, 18, 3), np.uint8) for _ in range(2)), newest.proprio)
    infinite = past.actions.copy()
    infinite[1, 0] = np.inf
    for wrong, sentence in (
        (_seen(stateful, 3)[1], "3 earlier ones"),
        (replace(past, actions=past.actions[:1]), r"2 rows of 3 finite numbers, not \(1, 3\)"),
        (replace(past, actions=infinite), "finite"),
        (replace(past, observations=(past.observations[0], wide)), "different sizes"),
        (replace(past, observations=(past.observations[0],) * 2, actions=past.actions[:, :2]), "3"),
    ):
        with pytest.raises(ObservationError, match=sentence):
            observation_batch(newest, stateful, CPU, wrong)
