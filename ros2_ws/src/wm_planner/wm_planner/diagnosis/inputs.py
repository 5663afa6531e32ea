"""Do actions and colors reach the model as it was trained: it predicts best if they do."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.episode import Episode
from wm_planner.diagnosis.frames import Encoded, Windows, normalized
from wm_planner.diagnosis.prediction import VISUAL, WEAK, Errors, measure
from wm_planner.diagnosis.result import OK, STOP, WARN, Result, judge
from wm_planner.models.protocol import WorldModel

FASTER = 0.75
"""An order of columns, or of colors, counts as better from this share of the error on."""
IGNORED = 0.95
"""Error with the recorded actions over that with others, from which actions do not matter."""
_MOST_COLUMNS = 3  # columns whose orders are all tried; beyond, exchanges of two


def action_use(encoded: Encoded, windows: Windows) -> list[Result]:
    """Do the recorded actions predict better than others, and in their own order of columns.

    The model itself tells an index slip: with columns exchanged back it predicts better.

    Args:
        encoded: The episode, encoded.
        windows: At least two.

    Returns:
        ``action_use``, and ``action_order`` where there is more than one column.
    """
    actions = encoded.episode.actions
    orders = _orders(actions.shape[2])
    starts = windows.starts
    if len(starts) < 2:
        return []
    count = len(orders)
    tried = np.zeros((len(starts), count + len(starts) - 1))
    unmoved = sum(encoded.moved(start, 1, VISUAL) for start in starts)
    for row, start in enumerate(starts):
        own = actions[start]
        others = [actions[other] for other in starts if other != start]
        candidates = np.stack([own[:, list(order)] for order in orders] + others)
        flat = normalized(encoded.model, candidates.reshape(len(candidates), -1))
        tried[row] = encoded.predicted(start, flat[:, None], VISUAL)
    names = encoded.model.spec.action.names
    used = _used(tried[:, 0].sum(), tried[:, count:].mean(axis=1).sum())
    return [used, *_ordered(tried[:, :count], orders, names, unmoved)]


def _used(own: float, others: float) -> Result:
    ratio = float(own / max(others, 1e-30))
    return judge(
        "action_use",
        ratio,
        IGNORED,
        WARN if ratio > IGNORED else OK,
        f"Predictions with the recorded actions are hardly better than with other ones (error "
        f"ratio {ratio:.2f}): the model ignores actions, or they reach it wrongly. Look at "
        "statistics, order and units of the actions, and at the action encoder.",
        f"error is {ratio:.2f} of that with other actions",
    )


def _ordered(
    tried: NDArray[np.float64], orders: list[tuple[int, ...]], names: list[str], unmoved: float
) -> list[Result]:
    if len(orders) < 2:
        return []
    totals = tried.sum(axis=0)
    best = int(totals.argmin())
    ratio = float(totals[best] / max(totals[0], 1e-30))
    often = float((tried[:, best] < tried[:, 0]).mean())
    # A model that predicts nothing in any order says nothing about it.
    slip = best != 0 and ratio < FASTER and often > 0.6 and totals[best] < WEAK * unmoved
    taken = ", ".join(
        f"{names[to]} from column {source + 1}"
        for to, source in enumerate(orders[best])
        if source != to
    )
    return [
        judge(
            "action_order",
            ratio,
            FASTER,
            STOP if slip else OK,
            f"The model predicts better ({ratio:.2f} of the error, in {often:.0%} of the windows) "
            f"with the action's columns in another order ({taken}): an index slip. Correct the "
            "recording's columns, or action.names in model.yaml.",
            "the recorded order predicts best"
            if best == 0
            else f"the best other order has {ratio:.2f} of the error",
        )
    ]


def _orders(count: int) -> list[tuple[int, ...]]:
    """Orders of columns, the recorded one first."""
    if count <= _MOST_COLUMNS:
        return list(permutations(range(count)))
    found = [tuple(range(count))]
    for i, j in combinations(range(count), 2):
        order = list(range(count))
        order[i], order[j] = j, i
        found.append(tuple(order))
    return found


def colors(model: WorldModel, episode: Episode, windows: Windows, measured: Errors) -> Result:
    """Does the model predict better with red and blue exchanged.

    Works without the training's colors in ``model.yaml``, on models that see color at all.
    """
    swapped = Encoded(model, episode, windows.frames, swapped=True)
    other = measure(swapped, windows)
    own = (measured.one_step + measured.rollout) / (
        measured.one_step_still + measured.rollout_still + 1e-30
    )
    exchanged = (other.one_step + other.rollout) / (
        other.one_step_still + other.rollout_still + 1e-30
    )
    ratio = exchanged / max(own, 1e-30)
    return judge(
        "color_order",
        ratio,
        FASTER,
        STOP if ratio < FASTER and exchanged < WEAK else OK,
        f"With red and blue exchanged the model's error is {ratio:.2f} of that now: the images "
        "are BGR where the model expects RGB, or image.color_order in model.yaml is wrong.",
        f"error with red and blue exchanged is {ratio:.2f} times that now",
    )
