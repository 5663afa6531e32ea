"""DINO-WM's split of a dataset into training and validation episodes."""

from __future__ import annotations

import torch

from wm_planner.datasets.dino_wm.options import Options

SEED = 42
"""Upstream's ``random_seed``, no setting (``datasets/traj_dset.py``, ``split_traj_datasets``)."""


def random_split(episodes: int, ratio: float, seed: int = SEED) -> tuple[list[int], list[int]]:
    """Return the indices of the training and of the validation episodes.

    The first ``int(ratio * episodes)`` entries of a permutation by torch's generator train
    (``random_split_traj`` in upstream's ``datasets/traj_dset.py``).
    """
    order = torch.randperm(episodes, generator=torch.Generator().manual_seed(seed)).tolist()
    count = int(ratio * episodes)
    return order[:count], order[count:]


def random_parts(episodes: int, options: Options) -> tuple[dict[str, list[int]], str]:
    """Return the parts of a dataset that upstream splits at random, and the split in words."""
    count = options.count(episodes)
    train, validation = random_split(count, options.split_ratio)
    words = f"train: torch.randperm of seed {SEED}, the first int({options.split_ratio:g} * N)"
    return {"all": list(range(count)), "train": train, "validation": validation}, words


def folder_parts(train: int, validation: int, options: Options) -> dict[str, list[int]]:
    """Return the parts of a dataset in two folders whose episodes follow each other."""
    first = list(range(options.count(train)))
    second = [train + index for index in range(options.count(validation))]
    return {"all": first + second, "train": first, "validation": second}
