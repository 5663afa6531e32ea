"""Statistics over another number of episodes: found from running sums, confirmed exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wm_planner.models.dino_wm.datasets.data import Data
from wm_planner.models.dino_wm.datasets.moments import Pair, of_tensors, same, shift

NEAR = 1e-4
"""Difference [sigma] below which a candidate from running sums is computed exactly."""


class Sums(NamedTuple):
    """Per episode on disk: steps (N, 1), and sums (N, d) of centered rows and their squares.

    ``center`` (d,) is what was subtracted, ``epsilon`` what the rule adds to the std.
    """

    steps: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    center: NDArray[np.float64]
    epsilon: float

    def pair(self, total: Sums) -> Pair:
        """Moments of ``total``, whose fields are sums over episodes."""
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = total.first / total.steps
            variance = (total.second - total.steps * mean**2) / (total.steps - 1)
            std = np.sqrt(np.maximum(variance, 1e-30)) + self.epsilon
            return Pair(mean + self.center, std)

    def over(self, indices: Sequence[int]) -> Sums:
        """Totals (1,), (d,), (d,) of some episodes."""
        chosen = list(indices)
        return self.each(lambda part: part[chosen].sum(axis=0))

    def each(self, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Sums:
        """The same sums, each changed alike."""
        return self._replace(
            steps=change(self.steps), first=change(self.first), second=change(self.second)
        )


def sums(quantity: str, data: Data) -> Sums:
    """Sums of every episode on disk, centered so that squares lose no digits."""
    rows = [
        row[:length].double().numpy()
        for row, length in zip(data.rows[quantity], data.lengths, strict=True)
    ]
    center = rows[0].mean(axis=0)
    return Sums(
        steps=np.array([[len(row)] for row in rows], np.float64),
        first=np.array([(row - center).sum(axis=0) for row in rows]),
        second=np.array([((row - center) ** 2).sum(axis=0) for row in rows]),
        center=center,
        epsilon=data.rule.epsilon,
    )


def confirmed(quantity: str, given: Pair, data: Data, indices: Sequence[int], known: Sums) -> bool:
    """Whether the statistics over these episodes are ``given``."""
    if float(shift(given, known.pair(known.over(indices)))) > NEAR:
        return False
    return same(given, of_tensors(data.measured(quantity, indices)))


def neighbors(data: Data) -> list[int]:
    """Numbers of episodes around the one the training read, itself first, and all on disk."""
    read, disk = len(data), len(data.lengths)
    near = [read, read - 1, read + 1, read - 2, read + 2, disk, disk - 1]
    return [count for count in dict.fromkeys(near) if 2 <= count <= disk]


def first_episodes(quantity: str, given: Pair, data: Data, known: Sums) -> str | None:
    """The first n episodes on disk, for every n (``n_rollout``)."""
    total = known.each(lambda part: np.cumsum(part, axis=0))
    training = data.parts[data.training_part]
    for last in np.argsort(shift(given, known.pair(total)))[:2]:
        count = int(last) + 1
        if confirmed(quantity, given, data, range(count), known):
            differ = abs(count - len(training))
            return (
                f"they are those of the first {count} episodes, the training read {len(training)} "
                f"({differ} {'more' if count > len(training) else 'fewer'}): n_rollout differs"
            )
    return None


def one_other(quantity: str, given: Pair, data: Data, known: Sums) -> str | None:
    """A part without one of its episodes, or with one more from the disk."""
    for part, indices in data.parts.items():
        if len(indices) < 3:
            continue
        others = sorted(set(range(len(data.lengths))) - set(indices))
        for sign, word, candidates in ((-1, "without", indices), (1, "and", others)):
            if not candidates:
                continue
            total = known.over(indices)
            changed = known._replace(
                steps=total.steps + sign * known.steps[candidates],
                first=total.first + sign * known.first[candidates],
                second=total.second + sign * known.second[candidates],
            )
            one = candidates[int(np.argmin(shift(given, known.pair(changed))))]
            episodes = [i for i in indices if i != one] if sign < 0 else [*indices, one]
            if confirmed(quantity, given, data, episodes, known):
                return f"they are those of part '{part}' {word} episode {one}"
    return None
