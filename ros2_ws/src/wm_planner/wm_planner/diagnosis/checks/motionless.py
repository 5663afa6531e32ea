"""``one_step`` of a recording in which nothing moves: its predictions cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import WARN, Result
from wm_planner.diagnosis.checks.motion import CLEAR, compare_motion, displacement, named_axes
from wm_planner.diagnosis.episode import Episode
from wm_planner.diagnosis.examined import Recording
from wm_planner.models.spec import ModelSpec

MOVING = 0.2
"""Mean change of a pixel over a window [gray levels] above which something has moved."""


RESTING = 0.1
"""Way of the arm below which it rests, in what the training moved it in one model step."""


def run(recording: Recording) -> Iterator[Result]:
    """Warn if the arm rests, or hardly a pixel changes over any window."""
    episode, spec = recording.episode, recording.spec
    measured, commanded = _ways(episode, spec)
    if measured <= RESTING and not (commanded > RESTING and _follows(episode, spec)):
        yield Result(
            "one_step",
            measured,
            RESTING,
            WARN,
            f"The arm rests in this recording{' although it is commanded' * (commanded > RESTING)}:"
            f" in all of it, it moves {measured:.2g} times as far as in one step of the training. "
            "Predictions and plans cannot be judged: give a recording in which the arm moves.",
        )
        return
    images = recording.episode.images
    if images is None:
        return
    windows = recording.windows
    changes = [
        float(np.abs(images[s + windows.horizon] - images[s].astype(int)).mean())
        for s in windows.starts
    ]
    if max(changes) <= MOVING:
        yield Result(
            "one_step",
            max(changes),
            MOVING,
            WARN,
            "Hardly a pixel changes in this recording, so predictions cannot be judged: give a "
            "recording in which the arm moves.",
        )


def _ways(episode: Episode, spec: ModelSpec) -> tuple[float, float]:
    """Return the longest way along an axis, measured and commanded, in typical steps of training.

    Both are infinite if no place is known. Positions that are commanded have no typical step in
    the statistics: a fifth of their standard deviation stands for it.
    """
    columns = {axis: name for axis, name in named_axes(spec).items() if axis in episode.places}
    if not columns:
        return np.inf, np.inf
    command = spec.action.command
    factor = 0.2 if command is not None and command.mode == "absolute" else spec.frameskip
    stds = [spec.statistics.action.std[spec.action.names.index(n)] for n in columns.values()]
    typical = factor * max(stds)
    paths = [np.cumsum([0.0, *displacement(episode, spec, name)]) for name in columns.values()]
    measured = max(np.ptp(episode.places[axis]) for axis in columns)
    return float(measured / typical), float(max(map(np.ptp, paths)) / typical)


def _follows(episode: Episode, spec: ModelSpec) -> bool:
    """Return whether the arm moves as it is commanded, so that only the units are others."""
    found = compare_motion(episode, spec)
    return any(result.name == "motion_axes" and result.score > CLEAR for result in found)


CHECK = Check(("one_step",), Recording, run, essential=True)
