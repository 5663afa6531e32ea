"""Find the episodes that statistics were computed on: searched with sums, confirmed exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wm_planner.datasets import Dataset
from wm_planner.datasets.moments import Pair, of_tensors, same, shift

NEAR = 1e-4
"""Shift [sigma] below which a candidate found from sums is computed exactly."""
RATIOS = (0.5, 0.8, 0.9, 0.95, 0.99)
"""Split ratios tried."""


class Sums(NamedTuple):
    """Sums over the rows of each episode on disk.

    Attributes:
        steps: (N, 1).
        first: Sums of the centered rows (N, d).
        second: Sums of their squares (N, d).
        center: What was subtracted from every row (d,).
        epsilon: What the rule adds to the standard deviation.
        ddof: What it subtracts from the number of rows.
    """

    steps: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    center: NDArray[np.float64]
    epsilon: float
    ddof: int

    def pair(self, total: Sums) -> Pair:
        """Return the moments of ``total``, whose fields are sums over episodes."""
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = total.first / total.steps
            variance = (total.second - total.steps * mean**2) / (total.steps - self.ddof)
            std = np.sqrt(np.maximum(variance, 1e-30)) + self.epsilon
            return Pair(mean + self.center, std)

    def over(self, indices: Sequence[int]) -> Sums:
        """Return the totals (1,), (d,), (d,) of some episodes."""
        chosen = list(indices)
        return self.each(lambda part: part[chosen].sum(axis=0))

    def each(self, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Sums:
        """Apply a function to the steps and to both sums."""
        return self._replace(
            steps=change(self.steps), first=change(self.first), second=change(self.second)
        )


def sum_episodes(quantity: str, dataset: Dataset) -> Sums:
    """Sum the rows of every episode on disk, centered so that squares lose no digits."""
    rows = [
        dataset.counted(quantity, index).double().numpy() for index in range(len(dataset.lengths))
    ]
    center = rows[0].mean(axis=0)
    return Sums(
        steps=np.array([[len(row)] for row in rows], np.float64),
        first=np.array([(row - center).sum(axis=0) for row in rows]),
        second=np.array([((row - center) ** 2).sum(axis=0) for row in rows]),
        center=center,
        epsilon=dataset.rule.epsilon,
        ddof=dataset.rule.ddof,
    )


def _confirmed(
    quantity: str, given: Pair, dataset: Dataset, indices: Sequence[int], sums: Sums
) -> bool:
    """Decide whether the statistics over these episodes are ``given``."""
    if float(shift(given, sums.pair(sums.over(indices)))) > NEAR:
        return False
    return same(given, of_tensors(dataset.measured(quantity, indices)))


def _likely_counts(dataset: Dataset) -> list[int]:
    """Return numbers of episodes near what the training read, and near all on disk."""
    read, disk = len(dataset), len(dataset.lengths)
    near = [read, read - 1, read + 1, read - 2, read + 2, disk, disk - 1]
    return [count for count in dict.fromkeys(near) if 2 <= count <= disk]


def first_episodes(quantity: str, given: Pair, dataset: Dataset, sums: Sums) -> str | None:
    """Try the first n episodes on disk, for every n (``n_rollout``)."""
    total = sums.each(lambda part: np.cumsum(part, axis=0))
    training = dataset.parts[dataset.training_part]
    for last in np.argsort(shift(given, sums.pair(total)))[:2]:
        count = int(last) + 1
        if _confirmed(quantity, given, dataset, range(count), sums):
            differ = abs(count - len(training))
            return (
                f"they are those of the first {count} episodes, the training read {len(training)} "
                f"({differ} {'more' if count > len(training) else 'fewer'}): n_rollout differs"
            )
    return None


def one_episode(quantity: str, given: Pair, dataset: Dataset, sums: Sums) -> str | None:
    """Try each part without one of its episodes, and with one more from the disk."""
    for part, indices in dataset.parts.items():
        if len(indices) < 3:
            continue
        others = sorted(set(range(len(dataset.lengths))) - set(indices))
        for sign, word, candidates in ((-1, "without", indices), (1, "and", others)):
            if not candidates:
                continue
            total = sums.over(indices)
            changed = sums._replace(
                steps=total.steps + sign * sums.steps[candidates],
                first=total.first + sign * sums.first[candidates],
                second=total.second + sign * sums.second[candidates],
            )
            one = candidates[int(np.argmin(shift(given, sums.pair(changed))))]
            episodes = [i for i in indices if i != one] if sign < 0 else [*indices, one]
            if _confirmed(quantity, given, dataset, episodes, sums):
                return f"they are those of part '{part}' {word} episode {one}"
    return None


def another_split(quantity: str, given: Pair, dataset: Dataset, sums: Sums) -> str | None:
    """Try the parts of a split with another ratio or number of episodes."""
    if dataset.split is None:
        return None
    for count in _likely_counts(dataset):
        for ratio in RATIOS:
            parts = zip(("train", "validation"), dataset.split(count, ratio), strict=True)
            for part, indices in parts:
                if indices and _confirmed(quantity, given, dataset, indices, sums):
                    return (
                        f"they are those of part '{part}' of a split of {count} episodes with "
                        f"split_ratio {ratio:g}; the training read {len(dataset)}"
                    )
    return None
