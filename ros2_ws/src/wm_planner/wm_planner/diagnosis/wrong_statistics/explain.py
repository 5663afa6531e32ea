"""Say what statistics that are not the training's are instead.

Each function tries one kind of cause and returns a sentence or None. A cause is named only if
recomputing it from the dataset gives the statistics, up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wm_planner.datasets import Dataset, StatisticsMatch
from wm_planner.datasets.moments import Pair, of_moments, of_tensors, same
from wm_planner.diagnosis.wrong_statistics import columns, other_episodes

WORDS = {
    "all": "of all episodes that were read",
    "train": "of the training episodes alone",
    "validation": "of the validation episodes alone",
}


def explain(match: StatisticsMatch, dataset: Dataset) -> str:
    """Return the first cause found for statistics that are not the training's, or "".

    Args:
        match: From ``wm_planner.datasets.compare``.
        dataset: The dataset that they were compared with.
    """
    if match.parts:
        part = match.parts[0]
        return f"they are those {WORDS[part]} ('{part}'), not of '{dataset.training_part}'"
    expected = of_moments(dataset.moments(match.quantity, dataset.training_part))
    causes = _causes(match.quantity, of_moments(match.given), expected, dataset)
    return next((cause for cause in causes if cause), "")


def _causes(quantity: str, given: Pair, expected: Pair, dataset: Dataset) -> Iterator[str | None]:
    yield _identity(given)
    yield columns.exchanged(given, expected, dataset.names.get(quantity))
    if given.width != expected.width:
        yield f"they have {given.width} numbers, the dataset {expected.width}"
        return
    yield _scaled(given, expected, dataset.action_scale if quantity == "action" else 1.0)
    yield _rounded(given, expected)
    yield _measured(quantity, given, dataset)
    yield _reduced_otherwise(quantity, given, dataset)
    sums = other_episodes.sum_episodes(quantity, dataset)
    yield other_episodes.first_episodes(quantity, given, dataset, sums)
    yield other_episodes.one_episode(quantity, given, dataset, sums)
    yield other_episodes.another_split(quantity, given, dataset, sums)
    yield columns.nearly_exchanged(given, expected, dataset.names.get(quantity))


def _identity(given: Pair) -> str | None:
    if np.all(given.mean == 0) and np.all(given.std == 1):
        return "they are mean 0 and std 1: those of normalize_action false"
    return None


def _scaled(given: Pair, expected: Pair, action_scale: float) -> str | None:
    """Try one factor for all columns: actions before ``action_scale``, or another unit."""
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


def _measured(quantity: str, given: Pair, dataset: Dataset) -> str | None:
    """Try computed statistics, if the training used constants or did not normalize."""
    if dataset.rule.constants is None and dataset.normalize_action:
        return None
    why = "upstream's constants" if dataset.normalize_action else "normalize_action false"
    for part, indices in dataset.parts.items():
        if indices and same(given, of_tensors(dataset.measured(quantity, indices))):
            return f"they were computed over part '{part}', where the training used {why}"
    return None


def _reduced_otherwise(quantity: str, given: Pair, dataset: Dataset) -> str | None:
    """Try the right episodes with another rule."""
    for part, indices in dataset.parts.items():
        if not indices:
            continue
        mean, std = dataset.measured(quantity, indices)
        rule, steps = dataset.rule, sum(len(dataset.counted(quantity, i)) for i in indices)
        bare, other = std - rule.epsilon, 1 - rule.ddof
        redone = bare * ((steps - rule.ddof) / (steps - other)) ** 0.5
        library = "torch" if other else "numpy"
        for candidate, words in (
            (redone, f"with ddof {other} ({library}'s std) instead of {rule.ddof}"),
            (redone + 1e-6, f"with ddof {other} instead of {rule.ddof}, plus 1e-6"),
            (bare, f"without the {dataset.rule.epsilon:g} that the training adds to the std"),
            (bare + 1e-6, "with 1e-6 added to the std"),
        ):
            if same(given, of_tensors((mean, candidate))):
                return f"they are those of part '{part}' {words}"
        if any(len(dataset.rows[quantity][i]) > dataset.lengths[i] for i in indices):
            padded = of_tensors(dataset.measured(quantity, indices, clip=False))
            if same(given, padded):
                return (
                    f"they are those of part '{part}' with the unused rows after each episode's "
                    "end, not clipped to seq_lengths"
                )
    return None
