"""``one_step`` of a recording in which nothing moves: its predictions cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import WARN, Result
from wm_planner.diagnosis.examined import Recording

MOVING = 0.2
"""Mean change of a pixel over a window [gray levels] above which something has moved."""


def run(recording: Recording) -> Iterator[Result]:
    """Warn if hardly a pixel changes over any window."""
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


CHECK = Check(("one_step",), Recording, run, essential=True)
