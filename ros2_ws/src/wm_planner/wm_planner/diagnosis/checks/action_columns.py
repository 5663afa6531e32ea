"""``action_columns``: whether each column of the actions is distributed as in training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.diagnosis.column_order import best_order, moves
from wm_planner.diagnosis.episode import LEAST_STEPS
from wm_planner.diagnosis.examined import Recording
from wm_planner.models.spec import ModelSpec

NOTABLE = 1.0
"""Mean divergence of the columns from training [nat] above which another order is tried."""
FAR = 4 * NOTABLE
"""Divergence of a single column from training [nat] above which it warns."""


def compare_columns(rows: NDArray[np.float64], spec: ModelSpec) -> Result | None:
    """Compare each column's mean and spread with training, and look for a better order.

    Args:
        rows: Recorded actions (K, A), one environment step a row, physical units.
        spec: The model's spec.

    Returns:
        None if there are too few rows.
    """
    names, count = spec.action.names, rows.shape[1]
    if len(rows) < LEAST_STEPS:
        return None
    gaps = _divergence(rows, spec)
    straight = gaps.trace() / count
    order = best_order(gaps)
    best = gaps[order, range(count)].sum() / count
    slip = straight > NOTABLE > best and best < 0.5 * straight
    # One column far from training is not a matter of order: its range or unit has changed.
    worst = int(gaps.diagonal().argmax())
    if slip:
        sentence = (
            f"The columns fit the training better in another order ({moves(order, names)}; "
            f"divergence {best:.2g} instead of {straight:.2g}): their order was mixed up. Correct "
            "the order of the recording's columns, or of action.names and action.command in "
            "model.yaml."
        )
    else:
        mean, std = rows[:, worst].mean(), rows[:, worst].std()
        sentence = (
            f"Column {worst + 1} ({names[worst]}) has {mean:.3g} ± {std:.3g} "
            f"{spec.action.units[worst]}, training had {spec.statistics.action.mean[worst]:.3g} ± "
            f"{spec.statistics.action.std[worst]:.3g}: it has another unit or control rate, or the "
            "motions are unlike those of training. Compare the recording with action.units and "
            "control_rate in model.yaml."
        )
    verdict = STOP if slip else WARN if gaps[worst, worst] > FAR else OK
    evidence = f"divergence from training {straight:.2g} per column"
    score = straight if slip else gaps[worst, worst]
    return judge("action_columns", score, NOTABLE if slip else FAR, verdict, sentence, evidence)


def _divergence(rows: NDArray[np.float64], spec: ModelSpec) -> NDArray[np.float64]:
    """Return (A, A): the Kullback-Leibler divergence of recorded column i from the spec's j.

    Both are taken as normal distributions.
    """
    moments = spec.statistics.action
    trained = np.array(moments.std)
    mean = rows.mean(0)[:, None]
    spread = np.maximum(rows.std(0), 1e-3 * trained)[:, None]
    ratio = spread / trained
    return 0.5 * (ratio**2 + ((mean - moments.mean) / trained) ** 2 - 1) - np.log(ratio)


def run(recording: Recording) -> Iterator[Result]:
    """Compare each column's mean and spread with training."""
    if (result := compare_columns(recording.episode.rows, recording.spec)) is not None:
        yield result


CHECK = Check(("action_columns",), Recording, run)
