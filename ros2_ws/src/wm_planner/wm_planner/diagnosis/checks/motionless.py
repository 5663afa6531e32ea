"""``one_step`` of a recording in which nothing moves: its predictions cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import WARN, Result
from wm_planner.diagnosis.checks.motion import named_axes
from wm_planner.diagnosis.episode import Episode
from wm_planner.diagnosis.examined import Recording
from wm_planner.models.spec import ModelSpec

MOVING = 0.2
"""Mean change of a pixel over a window [gray levels] above which something has moved."""


RESTING = 0.1
"""Way of the arm below which it rests, in what the training moved it in one model step."""


def run(recording: Recording) -> Iterator[Result]:
    """Warn if the arm rests, or hardly a pixel changes over any window."""
    way = _way(recording.episode, recording.spec)
    if way is not None and way <= RESTING:
        yield Result(
            "one_step",
            way,
            RESTING,
            WARN,
            f"The arm rests in this recording: in all of it, it moves {way:.2g} times as far as in "
            "one step of the training. Predictions and plans cannot be judged: give a recording in "
            "which the arm moves.",
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


def _way(episode: Episode, spec: ModelSpec) -> float | None:
    """Return the longest way along an axis, in a typical step of the training; None if unknown.

    The measured positions are taken. Positions that are commanded have no typical step in the
    statistics: a fifth of their standard deviation stands for it.
    """
    columns = {axis: name for axis, name in named_axes(spec).items() if axis in episode.places}
    if not columns:
        return None
    command = spec.action.command
    factor = 0.2 if command is not None and command.mode == "absolute" else spec.frameskip
    typical = [
        factor * spec.statistics.action.std[spec.action.names.index(name)]
        for name in columns.values()
    ]
    return float(max(np.ptp(episode.places[axis]) for axis in columns) / max(typical))


CHECK = Check(("one_step",), Recording, run, essential=True)
