"""DINO-WM's split of a data set into training and validation episodes."""

from __future__ import annotations

import torch

SEED = 42
"""Upstream's ``random_seed`` (``datasets/traj_dset.py``, ``split_traj_datasets``); no setting."""


def random_split(episodes: int, ratio: float, seed: int = SEED) -> tuple[list[int], list[int]]:
    """Indices of the training and the validation episodes.

    A permutation from torch's own generator, whose first ``int(ratio * episodes)`` entries train:
    ``random_split_traj`` of upstream's ``datasets/traj_dset.py``.
    """
    order = torch.randperm(episodes, generator=torch.Generator().manual_seed(seed)).tolist()
    count = int(ratio * episodes)
    return order[:count], order[count:]
