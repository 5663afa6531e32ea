"""What wrong statistics are instead: one episode more, another split, exchanged columns.

Each function below tries one family of causes and returns a sentence or None. Only what can be
recomputed from the data set and equals the given numbers up to rounding is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from wm_planner.models.dino_wm.datasets import columns, counts
from wm_planner.models.dino_wm.datasets.data import Data
from wm_planner.models.dino_wm.datasets.moments import Pair, of_moments, of_tensors, same
from wm_planner.models.dino_wm.datasets.split import random_split

WORDS = {
    "all": "of all episodes that were read",
    "train": "of the training episodes alone",
    "validation": "of the validation episodes alone",
}
RATIOS = (0.5, 0.8, 0.9, 0.95, 0.99)


def explain(quantity: str, given: Pair, data: Data, parts: Sequence[str]) -> str:
    """The first cause found for statistics that are not the training's, or an empty string."""
    expected = of_moments(data.moments(quantity, data.training_part))
    if parts:
        return f"they are those {WORDS[parts[0]]} ('{parts[0]}'), not of '{data.training_part}'"
    for cause in _causes(quantity, given, expected, data):
        if cause:
            return cause
    return ""


def _causes(quantity: str, given: Pair, expected: Pair, data: Data) -> Iterator[str | None]:
    yield _identity(given)
    yield columns.exchanged(given, expected, data.names.get(quantity))
    if given.width != expected.width:
        yield f"they have {given.width} numbers, the data set {expected.width}"
        return
    yield _scaled(given, expected, data.action_scale if quantity == "action" else 1.0)
    yield _rounded(given, expected)
    yield _measured(quantity, given, data)
    yield _reduced_otherwise(quantity, given, data)
    known = counts.sums(quantity, data)
    yield counts.first_episodes(quantity, given, data, known)
    yield counts.one_other(quantity, given, data, known)
    yield _other_split(quantity, given, data, known)
    yield columns.nearly_exchanged(given, expected, data.names.get(quantity))


def _identity(given: Pair) -> str | None:
    if np.all(given.mean == 0) and np.all(given.std == 1):
        return "they are mean 0 and std 1: those of normalize_action false"
    return None


def _scaled(given: Pair, expected: Pair, action_scale: float) -> str | None:
    """One factor for all columns: actions before ``action_scale``, or another unit."""
    factor = float(np.median(given.std / expected.std))
    if not same(given, Pair(expected.mean * factor, expected.std * factor)):
        return None
    if np.isclose(factor, action_scale):
        return f"they are those of actions that were not divided by action_scale {action_scale:g}"
    return f"all numbers are {factor:g} times the training's: another unit, or another action_scale"


def _rounded(given: Pair, expected: Pair) -> str | None:
    for decimals in range(1, 7):
        rounded = Pair(expected.mean.round(decimals), expected.std.round(decimals))
        if same(given, rounded):
            return f"they are the training's, rounded to {decimals} decimals"
    return None


def _measured(quantity: str, given: Pair, data: Data) -> str | None:
    """Statistics of the data where the training used constants, or none."""
    if data.rule.constants is None and data.normalize_action:
        return None
    why = "upstream's constants" if data.normalize_action else "normalize_action false"
    for part, indices in data.parts.items():
        if indices and same(given, of_tensors(data.measured(quantity, indices))):
            return f"they were computed over part '{part}', where the training used {why}"
    return None


def _reduced_otherwise(quantity: str, given: Pair, data: Data) -> str | None:
    """The right episodes, reduced by another rule."""
    for part, indices in data.parts.items():
        if not indices:
            continue
        mean, std = data.measured(quantity, indices)
        steps = sum(data.lengths[i] for i in indices)
        bare = std - data.rule.epsilon
        for candidate, words in (
            (bare * ((steps - 1) / steps) ** 0.5, "with ddof 0 (numpy's std) instead of 1"),
            (bare * ((steps - 1) / steps) ** 0.5 + 1e-6, "with ddof 0 instead of 1, plus 1e-6"),
            (bare, f"without the {data.rule.epsilon:g} that the training adds to the std"),
            (bare + 1e-6, "with 1e-6 added to the std"),
        ):
            if same(given, of_tensors((mean, candidate))):
                return f"they are those of part '{part}' {words}"
        if any(len(data.rows[quantity][i]) > data.lengths[i] for i in indices):
            padded = of_tensors(data.measured(quantity, indices, clip=False))
            if same(given, padded):
                return (
                    f"they are those of part '{part}' with the unused rows after each episode's "
                    "end, not clipped to seq_lengths"
                )
    return None


def _other_split(quantity: str, given: Pair, data: Data, known: counts.Sums) -> str | None:
    """Training or validation episodes of a split with another ratio or number of episodes."""
    if data.split_seed < 0:
        return None
    for episodes in counts.neighbors(data):
        for ratio in RATIOS:
            for part, indices in zip(
                ("train", "validation"), random_split(episodes, ratio), strict=True
            ):
                if len(indices) and counts.confirmed(quantity, given, data, indices, known):
                    return (
                        f"they are those of part '{part}' of a split of {episodes} episodes with "
                        f"split_ratio {ratio:g}; the training read {len(data)}"
                    )
    return None
