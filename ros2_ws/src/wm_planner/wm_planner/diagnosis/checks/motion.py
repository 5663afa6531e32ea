"""``motion_axes``, ``motion_scale``: whether actions move the arm as their names and units say."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.diagnosis.column_order import best_order
from wm_planner.diagnosis.episode import LEAST_STEPS, Episode
from wm_planner.diagnosis.examined import Recording
from wm_planner.models.spec import ModelSpec

CLEAR = 0.5
"""Correlation above which an action moves an axis."""
SCALE = 3.0
"""Factor between the displacement of the actions and the measured one above which it warns."""
_DISPLACEMENT = re.compile(r"(?:^|[_.])(?:d|delta_?)?([xyz])(?:$|[_.])")


def compare_motion(episode: Episode, spec: ModelSpec) -> list[Result]:
    """Correlate the actions with the measured motion along each axis.

    Per axis, each model step's displacement (the sum of its sub-actions in ``relative`` mode, the
    difference of successive last sub-actions in ``absolute`` mode) is correlated with the measured
    displacement of the same step.

    Args:
        episode: With ``places``.
        spec: The model's spec; the columns are those of its command, or those named after an axis.

    Returns:
        ``motion_axes``, and if that is ``ok`` ``motion_scale``; nothing if the episode has too few
        steps or axes.
    """
    named = named_axes(spec)
    axes = [axis for axis in named if axis in episode.places]
    if len(axes) < 2 or episode.steps < LEAST_STEPS or episode.actions.shape[2] != spec.action.dim:
        return []
    wanted = np.stack([displacement(episode, spec, named[axis]) for axis in axes], axis=1)
    moved = np.stack([np.diff(episode.places[axis]) for axis in axes], axis=1)
    if len(wanted) < len(moved):
        moved = moved[1:]
    fits = _correlations(wanted, moved)
    if not np.isfinite(fits).all():
        return []
    own = fits.diagonal()
    order = best_order(-np.abs(fits).T)
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
            "their names or the frame of the actions are wrong. Correct action.names and "
            "action.command in model.yaml, or the recording's layout."
        )
    else:
        sentence = (
            f"'{named[axes[weakest]]}' and the measured motion along {axes[weakest]} have a "
            f"correlation of only {own[weakest]:.2f}: the arm did not follow, the stamps of "
            "actions and state do not match, or this column is not what its name says. Check the "
            "controller, the stamps and action.names."
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
        f"The arm moved {factor:.3g} times as far as the actions say: they are not in "
        f"{spec.action.units[0]} per environment step, or a factor (action_scale) is missing, or "
        "control_rate in model.yaml is not the recording's. Correct whichever is wrong.",
        f"measured motion is {factor:.2f} times the actions'",
    )


def named_axes(spec: ModelSpec) -> dict[str, str]:
    """Return axis → name of the action's column that moves it."""
    command = spec.action.command
    if command is not None and command.joints:
        return {}
    if command is not None:
        return {"xyz"[axis]: name for axis, name in command.moved.items()}
    found = {name: _DISPLACEMENT.search(name.lower()) for name in spec.action.names}
    return {match.group(1): name for name, match in found.items() if match}


def displacement(episode: Episode, spec: ModelSpec, name: str) -> NDArray[np.float64]:
    """Return how far an action's column moves the arm in each model step."""
    column = episode.actions[:, :, spec.action.names.index(name)]
    if spec.action.command is not None and spec.action.command.mode == "absolute":
        return np.diff(column[:, -1])
    return np.asarray(column.sum(axis=1))


def _correlations(wanted: NDArray[np.float64], moved: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (axes, axes): the correlation of the action along i with the motion along j.

    The larger one without lag and with a lag of one model step, so that an arm that lags behind
    is still recognized.
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


def run(recording: Recording) -> Iterator[Result]:
    """Correlate the actions with the measured motion along each axis."""
    yield from compare_motion(recording.episode, recording.spec)


CHECK = Check(("motion_axes", "motion_scale"), Recording, run)
