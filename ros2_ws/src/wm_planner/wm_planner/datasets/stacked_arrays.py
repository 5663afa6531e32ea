"""Episodes of one length, stacked into arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from wm_planner.datasets.errors import DatasetError


def check_stacked(
    directory: Path, actions: Tensor, states: Tensor, lengths: Sequence[int] | None
) -> list[int]:
    """Return the lengths of the episodes in ``actions`` (N, T, d) and ``states`` (N, T, s).

    Args:
        directory: The dataset, for errors.
        actions: Actions of every episode.
        states: States of every episode.
        lengths: Steps of each episode; None: all have T.

    Raises:
        DatasetError: The shapes or the lengths do not fit each other.
    """
    if actions.ndim != 3 or states.ndim != 3 or actions.shape[:2] != states.shape[:2]:
        raise DatasetError(
            f"{directory}: actions {tuple(actions.shape)} and states {tuple(states.shape)} must be "
            "(episodes, steps, numbers) with the same episodes and steps"
        )
    count, longest = actions.shape[:2]
    if count == 0 or longest == 0:
        raise DatasetError(f"{directory}: actions {tuple(actions.shape)} hold no step")
    lengths = [longest] * count if lengths is None else list(lengths)
    if len(lengths) != count or max(lengths) > longest:
        raise DatasetError(
            f"{directory}: {len(lengths)} lengths up to {max(lengths)} do not fit {count} episodes "
            f"of {longest} steps: the files come from different recordings"
        )
    return lengths
