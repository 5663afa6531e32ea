"""The statistics of a genuine run, to the bit."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch.utils.data import random_split

from wm_planner.datasets import Dataset, DatasetError, compare, read_configured
from wm_planner.datasets.dino_wm.split import random_split as our_split

REFERENCE = Path(__file__).parents[2] / "data" / "dino_wm"
DIRECTORY = REFERENCE / "data" / "point_maze"


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    run = yaml.safe_load((REFERENCE / "outputs/tiny/hydra.yaml").read_text())
    return read_configured(DIRECTORY, run["env"]["dataset"])


@pytest.mark.parametrize("quantity", ["action", "proprio"])
def test_statistics_are_upstreams_to_the_bit(dataset: Dataset, quantity: str) -> None:
    moments = getattr(dataset.statistics(), quantity)
    with np.load(REFERENCE / "reference.npz") as expected:
        assert np.array_equal(np.float32(moments.mean), expected[f"{quantity}_mean"])
        assert np.array_equal(np.float32(moments.std), expected[f"{quantity}_std"])
        assert moments.mean == expected[f"{quantity}_mean"].tolist()


def test_training_used_all_episodes_before_the_split(dataset: Dataset) -> None:
    assert dataset.training_part == "all"
    assert dataset.statistics() == dataset.statistics("all")
    assert dataset.statistics().action != dataset.statistics("train").action


def test_split_is_torchs_own_with_seed_42(dataset: Dataset) -> None:
    train, validation = random_split(
        range(12), [10, 2], generator=torch.Generator().manual_seed(42)
    )
    assert dataset.parts["train"] == list(train.indices)
    assert dataset.parts["validation"] == list(validation.indices)


def test_split_rounds_down() -> None:
    train, validation = our_split(13, 0.9)
    assert (len(train), len(validation)) == (11, 2)
    assert sorted(train + validation) == list(range(13))


def test_provenance_says_how_to_compute_them_again(dataset: Dataset) -> None:
    provenance = dataset.statistics("train").provenance
    assert provenance is not None
    lengths = torch.load(DIRECTORY / "seq_lengths.pth", weights_only=True)
    assert provenance.split == "train"
    assert provenance.split_seed == 42
    assert provenance.episodes == 10
    assert provenance.steps == int(lengths[dataset.parts["train"]].sum())
    assert "ddof 1" in provenance.formula
    assert "12 of 40" in provenance.formula
    assert dataset.statistics("train").problem() == ""


def test_digest_is_that_of_sha256sum(dataset: Dataset) -> None:
    names = ["actions.pth", "seq_lengths.pth", "states.pth"]
    listing = subprocess.run(["sha256sum", *names], cwd=DIRECTORY, capture_output=True, check=True)
    assert dataset.sha256 == hashlib.sha256(listing.stdout).hexdigest()


def test_images_may_be_missing(dataset: Dataset) -> None:
    assert not dataset.has_images
    assert dataset.episode(0).images is None


def test_episode_is_clipped_to_its_length(dataset: Dataset) -> None:
    actions = torch.load(DIRECTORY / "actions.pth", weights_only=True)
    episode = dataset.episode(5)
    assert episode.actions.shape == (41, 2)
    assert np.array_equal(episode.actions, actions[5, :41].float().numpy())


@pytest.mark.parametrize("part", ["all", "train", "validation"])
def test_parts_are_distinguished(dataset: Dataset, part: str) -> None:
    for match in compare(dataset.statistics(part), dataset):
        assert match.parts == (part,)
        assert match.nearest == part
        assert (match.shift == 0) == (part == "all")


def test_unknown_part_is_refused(dataset: Dataset) -> None:
    with pytest.raises(DatasetError, match="all, train, validation"):
        dataset.statistics("test")
