"""The example in docs/ that fits a prior to recorded actions."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

EXAMPLE = Path(__file__).parents[5] / "docs" / "examples" / "action_prior" / "action_prior.py"


@pytest.fixture(scope="module")
def example():
    return runpy.run_path(str(EXAMPLE))


def test_a_fitted_prior_finds_plans_for_a_sparse_reward(example):
    reached = example["main"](starts=10)
    assert reached[False] <= 1
    assert reached[True] >= 8


def test_the_prior_is_that_of_the_nearest_recorded_states(example):
    steps = np.arange(10.0)[:, None] * [1.0, -1.0]
    episodes = [(np.full((10, 1), place), steps + place) for place in (0.0, 5.0)]
    windows = example["Windows"].of(episodes, 3)
    assert windows.actions.shape == (16, 3, 2)
    mean, std = windows.prior(np.array([4.0]), count=8, least=0.01)
    every = np.concatenate([actions for _, actions in episodes])
    stretches = np.stack([steps[t : t + 3] + 5.0 for t in range(8)])
    expected = (stretches - every.mean(axis=0)) / every.std(axis=0)
    torch.testing.assert_close(mean, torch.from_numpy(expected).mean(dim=0))
    torch.testing.assert_close(std, torch.from_numpy(expected).std(dim=0))
    _, least = windows.prior(np.array([4.0]), count=8, least=2.5)
    assert bool((least == 2.5).all())
