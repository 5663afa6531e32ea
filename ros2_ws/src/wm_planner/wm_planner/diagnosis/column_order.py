"""The order of columns that costs least."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

MAX_PERMUTED = 7  # columns of which all orders are tried (5040)


def best_order(costs: NDArray[np.float64]) -> list[int]:
    """Return for each number of the spec the recorded column that fits it.

    Args:
        costs: (A, A), the cost of taking recorded column i for number j.
    """
    count = len(costs)
    if count <= MAX_PERMUTED:
        indices = range(count)
        return list(min(permutations(indices), key=lambda p: costs[list(p), indices].sum()))
    order = list(range(count))
    while True:  # exchange the best pair until none lowers the cost
        gain, pair = 1e-9, None
        for i in range(count):
            for j in range(i):
                now = costs[order[i], i] + costs[order[j], j]
                if (win := now - costs[order[i], j] - costs[order[j], i]) > gain:
                    gain, pair = win, (i, j)
        if pair is None:
            return order
        i, j = pair
        order[i], order[j] = order[j], order[i]


def moves(order: list[int], names: list[str]) -> str:
    """Return in words which number comes from which other column, counted from 1."""
    return ", ".join(
        f"{names[to]} from column {source + 1}" for to, source in enumerate(order) if source != to
    )
