"""``action_use``, ``action_order``: whether the recorded actions predict best, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.diagnosis.column_order import moves
from wm_planner.diagnosis.encoded_episode import EncodedEpisode
from wm_planner.diagnosis.examined import Predictions
from wm_planner.diagnosis.model_calls import normalized
from wm_planner.diagnosis.prediction_errors import VISUAL, WEAK

FASTER = 0.75
"""Share of the error below which another order of columns is better."""
IGNORED = 0.95
"""Error with the recorded actions, over that with others, above which actions do not matter."""
_MOST_COLUMNS = 3  # columns of which all orders are tried; of more, only exchanges of two


def run(predictions: Predictions) -> Iterator[Result]:
    """Predict with the actions of other windows, and with the columns in other orders.

    A model that was trained on another order predicts better in that order. Needs at least two
    windows; ``action_order`` needs at least two columns.
    """
    encoded, starts = predictions.encoded, predictions.recording.windows.starts
    orders = _orders(encoded.episode.actions.shape[2])
    if len(starts) < 2:
        return
    tried = _errors(encoded, starts, orders)
    reordered, others = tried[:, : len(orders)], tried[:, len(orders) :]
    yield _used(reordered[:, 0].sum(), others.mean(axis=1).sum())
    if len(orders) > 1:
        still = sum(encoded.persistence_error(start, 1, VISUAL) for start in starts)
        yield _ordered(reordered, orders, encoded.model.spec.action.names, still)


def _errors(
    encoded: EncodedEpisode, starts: tuple[int, ...], orders: list[tuple[int, ...]]
) -> NDArray[np.float64]:
    """Return the one-step errors (windows, orders + other windows)."""
    actions = encoded.episode.actions
    rows = []
    for start in starts:
        own = actions[start]
        others = [actions[other] for other in starts if other != start]
        candidates = np.stack([own[:, list(order)] for order in orders] + others)
        flat = normalized(encoded.model, candidates.reshape(len(candidates), -1))
        rows.append(encoded.prediction_error(start, flat[:, None], VISUAL))
    return np.stack(rows)


def _used(own: float, others: float) -> Result:
    ratio = float(own / max(others, 1e-30))
    return judge(
        "action_use",
        ratio,
        IGNORED,
        WARN if ratio > IGNORED else OK,
        "Predictions with the recorded actions are hardly better than with other actions (error "
        f"ratio {ratio:.2f}): the model ignores actions, or gets wrong ones. Check the statistics, "
        "order and units of the actions, and the action encoder.",
        f"error is {ratio:.2f} of that with other actions",
    )


def _ordered(
    tried: NDArray[np.float64], orders: list[tuple[int, ...]], names: list[str], still: float
) -> Result:
    totals = tried.sum(axis=0)
    best = int(totals.argmin())
    ratio = float(totals[best] / max(totals[0], 1e-30))
    often = float((tried[:, best] < tried[:, 0]).mean())
    # Only a model that predicts something can tell one order from another.
    slip = best != 0 and ratio < FASTER and often > 0.6 and totals[best] < WEAK * still
    return judge(
        "action_order",
        ratio,
        FASTER,
        STOP if slip else OK,
        f"The model predicts better ({ratio:.2f} of the error, in {often:.0%} of the windows) with "
        f"the action's columns in another order ({moves(list(orders[best]), names)}): their order "
        "was mixed up. Correct the order of the recording's columns, or of action.names in "
        "model.yaml.",
        "the recorded order predicts best"
        if best == 0
        else f"the best other order has {ratio:.2f} of the error",
    )


def _orders(count: int) -> list[tuple[int, ...]]:
    """Return orders of columns to try, the recorded one first."""
    if count <= _MOST_COLUMNS:
        return list(permutations(range(count)))
    found = [tuple(range(count))]
    for i, j in combinations(range(count), 2):
        order = list(range(count))
        order[i], order[j] = j, i
        found.append(tuple(order))
    return found


CHECK = Check(("action_use", "action_order"), Predictions, run, effects=("action_use",))
