"""Find statistics whose columns are in another order than the training's."""

from __future__ import annotations

from itertools import permutations

from wm_planner.datasets.moments import Pair, same, shift

FACTOR = 10.0
"""How many times nearer another order must be to be named, if it is not equal."""
MOST = 7
"""Largest number of columns of which every order is tried."""


def exchanged(given: Pair, expected: Pair, names: list[str] | None) -> str | None:
    """Try the training's columns in another order, or only some of them."""
    order = []
    for column in range(given.width):
        mine = given.columns([column])
        fits = [
            other
            for other in range(expected.width)
            if other not in order and same(mine, expected.columns([other]))
        ]
        if not fits:
            return None
        order.append(fits[0] if column not in fits else column)
    if order == list(range(expected.width)):
        return None
    return f"they are the training's with columns {_list(order, names)} in this order"


def nearly_exchanged(given: Pair, expected: Pair, names: list[str] | None) -> str | None:
    """Try an order of the columns that is much nearer, though not equal."""
    width = given.width
    if not 2 <= width <= MOST:
        return None
    straight = float(shift(given, expected))
    best = min(
        permutations(range(width)), key=lambda order: float(shift(given, expected.columns(order)))
    )
    nearest = float(shift(given, expected.columns(best)))
    if best == tuple(range(width)) or straight < 0.1 or nearest * FACTOR > straight:
        return None
    return (
        f"they fit {straight / nearest:.0f} times better with the training's columns "
        f"{_list(list(best), names)} in this order: the columns of other data were exchanged"
    )


def _list(order: list[int], names: list[str] | None) -> str:
    labels = [names[column] if names else str(column) for column in order]
    return f"[{', '.join(labels)}]"
