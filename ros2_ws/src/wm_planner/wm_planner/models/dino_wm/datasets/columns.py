"""Statistics whose columns are exchanged, shifted or chosen from the data's."""

from __future__ import annotations

from itertools import permutations

from wm_planner.models.dino_wm.datasets.moments import Pair, same, shift

FACTOR = 10.0
"""How many times nearer an exchange must bring the statistics to be named without proof."""
MOST = 7
"""Columns up to which every order is tried."""


def exchanged(given: Pair, expected: Pair, names: list[str] | None) -> str | None:
    """The training's columns in another order, or some of them: an index slip."""
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
    """An order of the columns that brings the statistics much nearer, though not exactly."""
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
        f"{_list(list(best), names)} in this order: an index slip in other data"
    )


def _list(order: list[int], names: list[str] | None) -> str:
    labels = [names[column] if names else str(column) for column in order]
    return f"[{', '.join(labels)}]"
