"""Checks and parts that all kinds of data sets share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from wm_planner.models.dino_wm.datasets.files import DataError
from wm_planner.models.dino_wm.datasets.options import Options
from wm_planner.models.dino_wm.datasets.split import SEED, random_split


def check_stacked(
    directory: Path, actions: Tensor, states: Tensor, lengths: Sequence[int] | None
) -> list[int]:
    """Lengths of the episodes of ``actions`` (N, T, d) and ``states`` (N, T, s).

    Raises:
        DataError: The shapes, or the lengths, do not fit each other.
    """
    if actions.ndim != 3 or states.ndim != 3 or actions.shape[:2] != states.shape[:2]:
        raise DataError(
            f"{directory}: actions {tuple(actions.shape)} and states {tuple(states.shape)} must be "
            "(episodes, steps, numbers) with the same episodes and steps"
        )
    count, longest = actions.shape[:2]
    if count == 0 or longest == 0:
        raise DataError(f"{directory}: actions {tuple(actions.shape)} hold no step")
    lengths = [longest] * count if lengths is None else list(lengths)
    if len(lengths) != count or max(lengths) > longest:
        raise DataError(
            f"{directory}: {len(lengths)} lengths up to {max(lengths)} do not fit {count} episodes "
            f"of {longest} steps: the files come from different recordings"
        )
    return lengths


def random_parts(episodes: int, options: Options) -> tuple[dict[str, list[int]], str]:
    """Parts of a set that upstream splits at random, and the split in words."""
    count = options.count(episodes)
    train, validation = random_split(count, options.split_ratio)
    words = f"train: torch.randperm of seed {SEED}, the first int({options.split_ratio:g} * N)"
    return {"all": list(range(count)), "train": train, "validation": validation}, words


def folder_parts(train: int, validation: int, options: Options) -> dict[str, list[int]]:
    """Parts of a set in two folders whose episodes are joined, those of ``train/`` first."""
    first = list(range(options.count(train)))
    second = [train + index for index in range(options.count(validation))]
    return {"all": first + second, "train": first, "validation": second}
