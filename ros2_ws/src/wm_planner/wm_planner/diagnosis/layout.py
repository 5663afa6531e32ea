"""Do a recording's action columns stand in the order, sign and unit that the spec names."""

from __future__ import annotations

import re
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.episode import Episode
from wm_planner.diagnosis.result import OK, STOP, WARN, Result, judge
from wm_planner.models.spec import ModelSpec

MAX_PERMUTED = 7  # columns whose orders are all tried (5040)
NOTABLE = 1.0
"""Divergence from the spec's statistics [nat per column] from which an order is doubted."""
CLEAR = 0.5
"""Correlation from which an action is said to move an axis."""
SCALE = 3.0
"""Factor between the displacement named and the one measured from which the unit is doubted."""
_LEAST_STEPS = 8
_COORDINATE = re.compile(r"(?:^|[_.])([xyz])(?:$|[_.])")
_DISPLACEMENT = re.compile(r"(?:^|[_.])(?:d|delta_?)?([xyz])(?:$|[_.])")


def axis_of(name: str) -> str:
    """The axis of a coordinate's name: ``x``, ``ee_x`` → ``x``; empty where it names none."""
    found = _COORDINATE.search(name.lower())
    return found.group(1) if found else ""


def coordinates(names: list[str]) -> dict[str, int]:
    """Axis → index of the first name that is a coordinate on it."""
    found: dict[str, int] = {}
    for index, name in enumerate(names):
        if axis := axis_of(name):
            found.setdefault(axis, index)
    return found


def columns(rows: NDArray[np.float64], spec: ModelSpec) -> list[Result]:
    """Compare each column's mean and spread with the spec's of the same name.

    Args:
        rows: Recorded actions (K, A'), one environment step a row, physical units.
        spec: The model's.

    Returns:
        ``action_dim``, and ``action_columns`` where the numbers suffice.
    """
    names, count = spec.action.names, rows.shape[1]
    size = judge(
        "action_dim",
        count,
        spec.action.dim,
        OK if count == spec.action.dim else STOP,
        f"The recording has {count} numbers per action, model.yaml names {spec.action.dim} "
        f"({', '.join(names)}): the layout changed after the training. Take the recording, or the "
        "checkpoint, that belongs to the other; never cut or pad the columns.",
        f"{count} numbers per action",
    )
    if size.verdict != OK or len(rows) < _LEAST_STEPS:
        return [size]
    gaps = _divergence(rows, spec)
    straight = gaps.trace() / count
    order = _best_order(gaps)
    best = gaps[order, range(count)].sum() / count
    slip = straight > NOTABLE > best and best < 0.5 * straight
    # A single column far from training needs no other order: its range or unit changed.
    worst = int(gaps.diagonal().argmax())
    told = ", ".join(
        f"{names[to]} from column {source + 1}" for to, source in enumerate(order) if source != to
    )
    if slip:
        sentence = (
            f"The columns fit the training better in another order ({told}; divergence "
            f"{best:.2g} instead of {straight:.2g}): an index slip. Correct the order of the "
            "recording's columns, or of action.names and action.command in model.yaml."
        )
    else:
        mean, std = rows[:, worst].mean(), rows[:, worst].std()
        sentence = (
            f"Column {worst + 1} ({names[worst]}) has {mean:.3g} ± {std:.3g} "
            f"{spec.action.units[worst]}, training had {spec.statistics.action.mean[worst]:.3g} ± "
            f"{spec.statistics.action.std[worst]:.3g}: another unit, another control rate, or "
            "motions unlike those of training."
        )
    verdict = STOP if slip else WARN if gaps[worst, worst] > 4 * NOTABLE else OK
    evidence = f"divergence from training {straight:.2g} per column"
    score = straight if slip else gaps[worst, worst]
    limit = NOTABLE if slip else 4 * NOTABLE
    return [size, judge("action_columns", score, limit, verdict, sentence, evidence)]


def _divergence(rows: NDArray[np.float64], spec: ModelSpec) -> NDArray[np.float64]:
    """(A, A): Kullback-Leibler divergence of the normal of column i from that of the spec's j."""
    moments = spec.statistics.action
    trained = np.array(moments.std)
    mean = rows.mean(0)[:, None]
    spread = np.maximum(rows.std(0), 1e-3 * trained)[:, None]
    ratio = spread / trained
    return 0.5 * (ratio**2 + ((mean - moments.mean) / trained) ** 2 - 1) - np.log(ratio)


def _best_order(costs: NDArray[np.float64]) -> list[int]:
    """For each of the spec's numbers the recording's column, at the least sum of costs."""
    count = len(costs)
    if count <= MAX_PERMUTED:
        indices = range(count)
        return list(min(permutations(indices), key=lambda p: costs[list(p), indices].sum()))
    order = list(range(count))
    while True:  # exchanges of two, as long as one helps
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


def motion(episode: Episode, spec: ModelSpec) -> list[Result]:
    """Does the action called x move the arm along x, in the sign and unit that the spec says.

    Per axis, each model step's displacement (the sum of its sub-actions in ``relative`` mode, the
    difference of successive last sub-actions in ``absolute`` mode) is correlated with the measured
    displacement of the same step.

    Args:
        episode: With ``places``.
        spec: The model's; the action's numbers are those of its command, or of an axis' name.

    Returns:
        ``motion_axes`` and ``motion_scale``; nothing where the episode does not tell.
    """
    named = _named_axes(spec)
    axes = [axis for axis in named if axis in episode.places]
    if len(axes) < 2 or episode.steps < _LEAST_STEPS or episode.actions.shape[2] != spec.action.dim:
        return []
    wanted = np.stack([_displacement(episode, spec, named[axis]) for axis in axes], axis=1)
    moved = np.stack([np.diff(episode.places[axis]) for axis in axes], axis=1)
    if len(wanted) < len(moved):
        moved = moved[1:]
    fits = _correlations(wanted, moved)
    if not np.isfinite(fits).all():
        return []
    own = fits.diagonal()
    order = _best_order(-np.abs(fits).T)
    swapped = [
        f"'{named[axis]}' moves {axes[source]}"
        for axis, source in zip(axes, order, strict=True)
        if axes[source] != axis and abs(fits[axes.index(axis), source]) > CLEAR
    ]
    reversed_ = [
        f"'{named[a]}' moves {a} the other way"
        for a, f in zip(axes, own, strict=True)
        if f < -CLEAR
    ]
    weakest = int(own.argmin())
    verdict = STOP if swapped or reversed_ else WARN if own[weakest] < CLEAR else OK
    if swapped or reversed_:
        sentence = (
            f"{'; '.join(swapped + reversed_)} (correlations {_pairs(axes, own)}): the columns, "
            "the names or the frame of the actions are exchanged. Correct action.names and "
            "action.command in model.yaml, or the recording's layout."
        )
    else:
        sentence = (
            f"'{named[axes[weakest]]}' and the measured motion along {axes[weakest]} have a "
            f"correlation of {own[weakest]:.2f} only: the arm did not follow, the stamps of "
            "actions and state do not fit, or this number is not what its name says."
        )
    evidence = f"correlation of action and motion {_pairs(axes, own)}"
    results = [judge("motion_axes", float(own[weakest]), CLEAR, verdict, sentence, evidence)]
    if verdict == OK:
        results.append(_scale(wanted, moved, spec))
    return results


def _scale(wanted: NDArray[np.float64], moved: NDArray[np.float64], spec: ModelSpec) -> Result:
    factor = float(np.sqrt((moved**2).sum() / (wanted**2).sum()))
    far = max(factor, 1 / max(factor, 1e-12))
    return judge(
        "motion_scale",
        far,
        SCALE,
        WARN if far > SCALE else OK,
        f"The arm moved {factor:.3g} times as far as the actions say: actions are not in "
        f"{spec.action.units[0]} per environment step, a factor (action_scale) was left out, or "
        "the control rate in model.yaml is not the recording's.",
        f"measured motion is {factor:.2f} times the actions'",
    )


def _named_axes(spec: ModelSpec) -> dict[str, str]:
    """Axis → name of the action's number that moves it."""
    if spec.action.command is not None:
        return dict(zip("xyz", spec.action.command.position, strict=True))
    found = {name: _DISPLACEMENT.search(name.lower()) for name in spec.action.names}
    return {match.group(1): name for name, match in found.items() if match}


def _displacement(episode: Episode, spec: ModelSpec, name: str) -> NDArray[np.float64]:
    column = episode.actions[:, :, spec.action.names.index(name)]
    if spec.action.command is not None and spec.action.command.mode == "absolute":
        return np.diff(column[:, -1])
    return np.asarray(column.sum(axis=1))


def _correlations(wanted: NDArray[np.float64], moved: NDArray[np.float64]) -> NDArray[np.float64]:
    """(axes, axes): of the action along i with the motion along j, at no lag or one step's.

    An arm that lags behind by up to a model step is still told.
    """

    def at(lag: int) -> NDArray[np.float64]:
        a, b = wanted[: len(wanted) - lag], moved[lag:]
        a, b = a - a.mean(0), b - b.mean(0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (a.T @ b) / np.outer(np.linalg.norm(a, axis=0), np.linalg.norm(b, axis=0))

    both = np.stack([at(0), at(1)])
    return np.asarray(np.take_along_axis(both, np.abs(both).argmax(0)[None], axis=0)[0])


def _pairs(axes: list[str], values: NDArray[np.float64]) -> str:
    return ", ".join(f"{axis} {value:.2f}" for axis, value in zip(axes, values, strict=True))
